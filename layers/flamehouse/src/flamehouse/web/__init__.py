"""HTTP and the Connect protocol: codecs, compression, routing, authentication, errors as responses.

This package knows nothing about profiles.
"""
