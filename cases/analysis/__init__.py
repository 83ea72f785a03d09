"""Jobs and their worker, results, the key result, model versions, reanalysis."""
