"""A qryn database as its writers create it: the schema of each version, and rows of every payload type."""
