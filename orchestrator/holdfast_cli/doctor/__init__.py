"""`holdfast doctor`: what is wrong with a server or with an installation on AWS, and what to do about it."""
