"""Runnable examples, each one file: what it shows, how to call it, and `services` to serve."""
