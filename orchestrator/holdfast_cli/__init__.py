"""The `holdfast` command: runs everything on one machine, and asks running servers."""
