"""What all transports to endpoints have in common: the headers of an attempt, replies, and what may go wrong."""
