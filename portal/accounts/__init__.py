"""People: users, invitations, sign-in, tokens."""
