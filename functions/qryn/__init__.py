"""Migrates from qryn: converts the rows of its tables, and those that its collector inserts, to uploads.

Schema and values: github.com/metrico/qryn, ctrl/qryn/sql/profiles.sql; docs/from-qryn.md describes the mapping.
"""
