"""The web UI: static files that the admin API serves under `/ui/`."""
