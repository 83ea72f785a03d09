"""The user, signing in, and passwords; knows nothing of cases."""
