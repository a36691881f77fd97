"""Converts pprof messages to rows: reading, validation, normalization, symbols, labels of series.

This package does not depend on the format of the upload.
"""
