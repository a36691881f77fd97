"""The HTTP endpoints of the write path, one module each: what a client sends in, what it receives."""
