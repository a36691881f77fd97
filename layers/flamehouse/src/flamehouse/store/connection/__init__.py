"""Connections to ClickHouse, embedded or over HTTP: settings, timeouts, cancellation, errors.

No tables and no queries of profiles.
"""
