"""Ingress and admin API: handler functions free of any framework, and thin bindings to Lambda and ASGI."""
