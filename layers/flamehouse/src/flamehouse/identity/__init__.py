"""Identifies the caller: credentials, tenants, and the `Principal` that both make. Stores nothing."""
