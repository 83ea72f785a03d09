"""Settings: `base` runs the embedded default; `production` and `test` are small deltas on it."""
