"""Ad hoc profiles: files that are uploaded for display and never ingested."""
