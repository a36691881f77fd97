"""The Lambda authorizer of the HTTP API: checks the credential of a request and returns its tenants and scopes.

Credentials, grants and their document are in `flamehouse.identity`. This package needs no web framework or ClickHouse.
"""
