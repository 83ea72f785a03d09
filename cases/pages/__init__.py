"""The pages that people see; thin, over selectors and services."""
