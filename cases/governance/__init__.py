"""Whether what is in use may stay in use: drift and its alerts, candidates in shadow, promotion."""
