"""Setting a study up without a shell: the cohort, its plan, its known classes, and what is missing yet."""
