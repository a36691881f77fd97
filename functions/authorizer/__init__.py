"""The Lambda authorizer of the HTTP API: checks the credential of a request, and returns what it allows."""
