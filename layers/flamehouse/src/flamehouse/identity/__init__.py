"""Identifies the caller: credentials, tenants, and the `Principal` that results from both.

The scope that each path requires is in `flamehouse.web.scopes`.
"""
