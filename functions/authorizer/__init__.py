"""The Lambda authorizer of the HTTP API: which credential a request carries, and what that allows."""
