"""Figures of a cohort: agreement, influence of the network, comparison of versions, and their pages."""
