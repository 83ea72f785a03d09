"""The record: a chain over all that is only ever added, by which a changed row is found."""
