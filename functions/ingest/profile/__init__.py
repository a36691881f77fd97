"""Converts pprof messages to rows: reading, validation, normalization, symbols, and the labels of series.

This package does not depend on the format of the upload.
"""
