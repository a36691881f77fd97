"""Logs and metrics: written by Powertools on Lambda, and as plain lines and Prometheus metrics locally.

Code logs with `log(EVENT, ...)` and counts with `add(METRIC, ...)`; docs/observability.md lists both. Neither may
contain a body, a credential, or the value of a label other than the service's name. Importing this package sets up
nothing: `local` and `on_lambda` do.
"""
