"""Reads uploaded files of each format into one call tree for display.

`adhoc.storage` stores the files; `ingest.formats` parses the formats that can also be ingested.
"""
