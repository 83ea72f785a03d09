"""Settings: `base` runs the standalone default; `production` and `test` are small deltas on it."""
