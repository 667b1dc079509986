"""SQL over what the engine knows: tables, the reads that fill them, and a process of its own that runs the queries."""
