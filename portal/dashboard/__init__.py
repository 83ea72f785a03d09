"""What the study administrator looks at."""
