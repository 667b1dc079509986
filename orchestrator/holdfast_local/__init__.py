"""Does it all in one process: a SQLite store, wake-ups and timers, invokers for handlers here and over HTTP."""
