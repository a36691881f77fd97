"""Adapters between AWS Lambda and this project: events in, responses out.

No business rules: a handler only connects an application or a batch to the services.
"""
