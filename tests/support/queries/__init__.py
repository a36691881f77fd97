"""Sends queries to a server, and works out in plain Python what their responses must be."""
