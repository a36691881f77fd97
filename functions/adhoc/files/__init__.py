"""Reads uploaded files of each format into one call tree for display."""
