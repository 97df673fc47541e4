"""A local Lambda: Runtime API, execution environments, limits."""
