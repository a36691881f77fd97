"""The reference of the HTTP interface: an OpenAPI document of all endpoints, and a page for it. Local server only.

An endpoint's summary and parameters stand where its route does, those of messages in `proto/`.
"""
