"""Grafana's requests for anything but profiles: the server's version and status, and the tenant's settings.

Queries of profiles belong in `querier`.
"""
