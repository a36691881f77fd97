"""The query pages that clients GET: `/pyroscope/render` and its neighbours."""
