"""Decides: the lifecycle, the journal and the commands of durable invocations, over ports; no I/O of its own."""
