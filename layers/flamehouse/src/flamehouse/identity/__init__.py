"""Identifies the caller: credentials, tenants, and the `Principal` that results from both.

Stores nothing. Which scope a path requires is in `flamehouse.web.scopes`.
"""
