"""Nothing private in any log: the server's own, as docker-compose.yml sets it up, and ours, after a run that tries."""
