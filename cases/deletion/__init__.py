"""Deletion: pictures, cases and cohorts that go, the tombstones that stay, and how long cases are kept."""
