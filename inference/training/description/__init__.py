"""What a folder of labelled slices holds, and what in it would make a network look better than it is."""
