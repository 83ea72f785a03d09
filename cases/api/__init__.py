"""The REST API; thin, over selectors and services."""
