"""Does it all in one process: a SQLite store, wake-ups and timers, an invoker for the handlers that are here."""
