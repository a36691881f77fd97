"""Adapters between AWS Lambda and this project: events in, responses out.

No business rules: a handler only wires an application or a batch to the services.
"""
