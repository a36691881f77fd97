"""The schema: numbered migrations and the code that applies them, retention, roles and views.

Queries and inserts of profiles belong in `read` and `write`.
"""
