"""The query pages that clients GET: `/pyroscope/render` and its neighbours.

The queries are those of the RPCs; only parameters and the format of responses differ.
"""
