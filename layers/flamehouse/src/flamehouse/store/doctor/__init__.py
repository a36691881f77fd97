"""Examines a database: each check yields findings, each a line with the result and, for a problem, the remedy.

A check changes nothing: repairs belong in `schema` and `maintenance`.
"""
