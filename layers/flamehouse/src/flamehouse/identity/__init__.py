"""Identifies the caller: credentials, tenants, and the `Principal` that results from both. Stores nothing."""
