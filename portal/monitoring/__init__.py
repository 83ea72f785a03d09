"""What an operator watches: the id of each request, a log for machines, and figures for Prometheus."""
