"""Reaches handlers behind HTTP: attempts and discovery over one pool of connections, and the way to each transport."""
