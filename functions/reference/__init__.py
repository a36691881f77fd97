"""The reference of the HTTP interface: an OpenAPI document of all endpoints, and a page for it. Local server only.

The summary and parameters of an endpoint are documented at its route, the fields of messages in `proto/`.
"""
