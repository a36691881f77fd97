"""The HTTP endpoints of the write path, one module each: requests in, responses out."""
