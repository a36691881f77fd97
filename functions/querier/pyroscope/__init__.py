"""The query pages that clients GET: `/pyroscope/render` and related paths.

They run the queries of the RPCs; only the parameters and response formats differ.
"""
