"""The cards of the evidence page, each from the study to words, a drawing and the table behind it."""
