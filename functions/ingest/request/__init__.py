"""Reads requests (query parameters, bodies and multipart forms) and computes the upload's id.

The content of a part belongs in `ingest.formats`.
"""
