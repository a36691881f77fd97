"""Compares two running servers over HTTP: the same data and the same requests to both, in turns.

`python -m bench.compare http://BEFORE http://NOW` needs nothing of either but their HTTP endpoints: what one of them does
not have is reported as such.
"""
