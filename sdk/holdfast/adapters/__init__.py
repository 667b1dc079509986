"""Adapters: what was written for another SDK, run by Holdfast's own driver."""
