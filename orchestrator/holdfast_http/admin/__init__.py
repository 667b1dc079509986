"""The API that operators and tools use: deployments, services and invocations."""
