"""Ad hoc profiles: files that are uploaded for display and never ingested.

Nothing here writes to the profile store; only `ingest` does.
"""
