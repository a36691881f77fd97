"""Reads requests: query parameters, bodies, multipart forms; computes the upload's id."""
