"""Who is in a cohort: members, invitations by mail, and tokens for scripts."""
