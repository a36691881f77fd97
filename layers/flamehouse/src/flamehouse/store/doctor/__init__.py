"""Examines a database: each check yields findings, each a line with a problem and its remedy.

A check changes nothing: repairs belong in `schema` and `maintenance`.
"""
