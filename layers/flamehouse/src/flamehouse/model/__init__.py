"""Values that the write path, the read path and the store share: labels, selectors, profiles, queries, results.

No I/O, no SQL, no wire format: the wire messages are in `pb`.
"""
