"""Reads requests: query parameters, bodies, multipart forms; computes the upload's id.

What a part contains belongs in `ingest.formats`.
"""
