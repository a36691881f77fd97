"""Valid requests to each RPC of the querier, as JSON bodies."""

from collections.abc import Mapping
from typing import Any

from tests.support.uploads.profiles import CPU

type Body = Mapping[str, Any]

SERVICE = "/querier.v1.QuerierService"
START, END = 1_790_000_000_000, 1_790_000_060_000
RANGE: Body = {"start": START, "end": END}
SELECTION: Body = {"profileTypeID": CPU, "labelSelector": '{service_name="shop",}', **RANGE}
BODIES: Mapping[str, Body] = {
    "ProfileTypes": RANGE,
    "LabelValues": {"name": "service_name", "matchers": ["{}"], **RANGE},
    "LabelNames": {"matchers": ["{}"], **RANGE},
    "Series": {"matchers": ["{}"], "labelNames": ["service_name"], **RANGE},
    "SelectMergeStacktraces": SELECTION,
    "SelectMergeSpanProfile": {**SELECTION, "spanSelector": ["00000000000000a1"]},
    "SelectMergeProfile": SELECTION,
    "SelectSeries": {**SELECTION, "step": 15},
    "SelectHeatmap": {**SELECTION, "step": 15},
    "Diff": {"left": SELECTION, "right": SELECTION},
    "GetProfileStats": {},
    "AnalyzeQuery": {"query": f"{CPU}{{}}", **RANGE},
}
"""A valid request to each RPC of the service."""
