"""Connections to ClickHouse, embedded or over HTTP: settings, timeouts, cancellation, errors.

This package knows neither the tables nor the queries for profiles.
"""
