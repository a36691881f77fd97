"""Migrates from qryn: reads its tables, and the rows that its collector inserts, as uploads.

Schema and values: github.com/metrico/qryn, ctrl/qryn/sql/profiles.sql; docs/from-qryn.md describes the mapping.
"""
