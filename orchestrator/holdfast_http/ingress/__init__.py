"""The API that clients call handlers with."""
