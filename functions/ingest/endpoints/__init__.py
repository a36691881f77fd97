"""The HTTP endpoints of the write path, one module each: requests in, responses out.

Nothing here reads a profile: an endpoint makes a `ReceivedUpload` and passes it to the pipeline.
"""
