"""Inserts: batches, the ledger of stored uploads, limits on series.

Queries for clients are in `read`.
"""
