"""The Lambda authorizer of the HTTP API: checks the credential of a request, and returns what it allows.

Credentials, grants and their document are in `flamehouse.identity`. Nothing here needs a web framework or ClickHouse.
"""
