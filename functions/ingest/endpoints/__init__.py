"""The endpoints of the write path, one module each: requests in, responses out.

Endpoints do not read profiles: each makes a `ReceivedUpload` and passes it to the pipeline.
"""
