"""HTTP and the Connect protocol: codecs, compression, routing, authentication, errors as responses.

Nothing in here knows what a profile is.
"""
