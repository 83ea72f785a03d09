"""Frozen snapshots of what was reviewed: asked for, written once, and sent in every format from the same
rows.
"""
