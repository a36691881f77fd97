"""Identifies the caller: the tenant of a request."""
