"""Sends queries to a server, and computes the expected responses in plain Python."""
