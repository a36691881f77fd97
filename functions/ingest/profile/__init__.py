"""From a pprof message to rows: reading, validation, normalization, symbols, labels of series.

Nothing in here depends on the format in which the profile was sent.
"""
