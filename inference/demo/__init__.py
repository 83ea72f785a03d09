"""Simulated slices for the demonstration: a public template brain, a made-up skull, made-up lesions.

They look like MR and are none: every picture says SIMULATED, and none belongs in any figure of accuracy.
nilearn (a development dependency) is needed to make them, not to show them: `python -m inference.demo
OUT_DIR`.
"""
