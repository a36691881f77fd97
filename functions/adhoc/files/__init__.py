"""Reads uploaded files of each format into one call tree for display.

Where a file is stored is `adhoc.storage`'s concern; formats that are ingested too are read by `ingest.formats`.
"""
