"""Perceptual hashes of slices, which survive mirroring, re-saving and new contrast."""
