"""A qryn database as its writers make it: the schema of each version, and rows of every kind of payload."""
