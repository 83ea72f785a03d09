"""Figures as pure functions: numbers in, a value with its interval out; no database, no words of a page.

Each docstring gives the formula and where it is from. Intervals are at 95 %. Where there is nothing to
compute from, a value is None, never zero.
"""
