"""Every write. Keyword-only, the actor is `by`, audited inside the same transaction."""
