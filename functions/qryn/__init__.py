"""Takes over from qryn: reads its tables, and the rows that its collector inserts, as uploads of flamehouse.

Schema and values: github.com/metrico/qryn, ctrl/qryn/sql/profiles.sql; docs/from-qryn.md says what becomes of them.
"""
