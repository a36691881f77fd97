"""Logs and metrics: written by Powertools on Lambda, and as plain lines and Prometheus metrics locally.

Code logs with `log(EVENT, ...)` and counts with `add(METRIC, ...)`; docs/observability.md lists both. Neither may
contain a body, a credential or a label value. Importing sets up nothing: `local` and `on_lambda` do.
"""
