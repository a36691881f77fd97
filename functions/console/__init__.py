"""Serves Grafana's requests that are not about profiles: the server's version and status, and the tenant's settings.

Profile queries belong in `querier`.
"""
