"""Values that the write path, the read path and the store share: labels, selectors, profiles, queries, results.

No I/O.
"""
