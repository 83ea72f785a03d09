"""The clinical domain: cases, images, jobs, predictions, reviews, audit, exports."""
