"""Compares two running servers over HTTP: sends the same data and the same requests to both, in turns.

`python -m bench.compare http://BEFORE http://NOW` needs only the HTTP endpoints of the servers. It reports features
that one of them lacks.
"""
