"""Inserts: batches, the ledger of stored uploads, limits on series.

`read` has the queries for clients.
"""
