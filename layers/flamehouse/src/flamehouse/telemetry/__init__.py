"""Logs and metrics: one vocabulary, written by Powertools on Lambda and by Prometheus and plain lines locally.

Code logs with `log(EVENT, ...)` and counts with `add(METRIC, ...)`; docs/observability.md lists both. No body, credential or
label value belongs in either. Nothing is set up at import: `local` and `on_lambda` do that.
"""
