"""The worklist: filters, sorting, counts, the reading queue, rows, saved views and bulk acts."""
