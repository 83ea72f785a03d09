"""Webhooks: a cohort's events, signed, to addresses that its study administrators have named."""
