"""The queries of a comparison: every RPC and page, over each workload."""

import json
from collections.abc import Mapping
from functools import partial
from typing import Any, Final
from urllib.parse import urlencode

from google.protobuf import json_format

from bench.compare.data import HOURS, Workload
from bench.compare.side import Request
from bench.rpcs import Fields, Rpc, rpcs_of, rpcs_of_spans
from bench.served import QUERIER
from bench.workload import PROFILE_TYPE, Service, an_hour
from flamehouse.model.time_range import TimeRange
from flamehouse.pb.querier_pb2 import SelectMergeStacktracesRequest
from flamehouse.web.codec import JSON, PROTO

_HOUR_MS: Final = 3_600_000
_ONE: Final = '{service_name="service-01"}'
_SERVICES_OF: Final = {"spans": rpcs_of_spans, "hour": rpcs_of}


def queries(tenant: str, workload: Workload) -> Mapping[str, Request]:
    """Return the queries of a workload by name."""
    if tenant in _SERVICES_OF:
        named = _SERVICES_OF[tenant](Service(0, workload.shape))
        rpcs = {name: _of_rpc(tenant, rpc, an_hour(0)) for name, rpc in named.items()}
        return rpcs | _pages(tenant) | _flame_graphs(tenant) if tenant == "hour" else rpcs
    within = _days(HOURS) if tenant in ("days", "sparse") else an_hour(0)
    lengths = {f"flame graph of {hours} h": _tree(tenant, _days(hours)) for hours in (1, 6, 24)}
    return {
        "flame graph": _tree(tenant, within),
        "flame graph, protobuf": _tree(tenant, within, media_type=PROTO.media_type),
        "SelectSeries by pod": _post(
            tenant, "SelectSeries", _selected(within, "{}") | {"step": 15, "groupBy": ["pod"]}
        ),
        "SelectMergeProfile": _post(tenant, "SelectMergeProfile", _selected(within, "{}")),
        "Series": _post(tenant, "Series", _times(within)),
        "LabelValues": _post(tenant, "LabelValues", _times(within) | {"name": "pod"}),
        "render": _page(tenant, "render", _chosen(within, "{}", "")),
        **(lengths if tenant == "days" else {}),
    }


def _flame_graphs(tenant: str) -> dict[str, Request]:
    """Return flame graph requests with different selectors, sizes and encodings."""
    tree, hour = partial(_tree, tenant), an_hour(0)
    return {
        "flame graph, protobuf": tree(hour, media_type=PROTO.media_type),
        "flame graph, one service": tree(hour, selector=_ONE),
        "flame graph, one service, protobuf": tree(hour, selector=_ONE, media_type=PROTO.media_type),
        "flame graph, one service, 64 nodes": tree(hour, selector=_ONE, maxNodes=64),
        "flame graph, one service, 65,536 nodes": tree(hour, selector=_ONE, maxNodes=65_536),
        "flame graph by regular expression": tree(hour, selector='{service_name=~"service-0[1-3]"}'),
        "flame graph by another label": tree(hour, selector='{endpoint="/api/v1/checkout"}'),
        "flame graph without profiles": tree(hour, selector='{service_name="none"}'),
        "SelectSeries, one service": _post(
            tenant, "SelectSeries", _selected(hour, _ONE) | {"step": 15, "groupBy": ["service_name"]}
        ),
        "a bare response": Request(
            path="/version.v1.Version/Version", tenant=tenant, body=b"{}", headers=_content(JSON.media_type)
        ),
    }


def _pages(tenant: str) -> dict[str, Request]:
    hour, page = an_hour(0), partial(_page, tenant)
    middle = hour.start_ms + hour.length_ms // 2
    halves = (
        TimeRange(start_ms=hour.start_ms, end_ms=middle),
        TimeRange(start_ms=middle, end_ms=hour.end_ms),
    )
    both = _chosen(halves[0], _ONE, "left") | _chosen(halves[1], _ONE, "right")
    return {
        "render, one service": page("render", _chosen(hour, _ONE, "")),
        "render, one service, by pod": page("render", _chosen(hour, _ONE, "") | {"groupBy": "pod"}),
        "render, one service, DOT": page("render", _chosen(hour, _ONE, "") | {"format": "dot"}),
        "render-diff, one service": page("render-diff", both),
        "label-values": page("label-values", {"label": "service_name"}),
    }


def _of_rpc(tenant: str, rpc: Rpc, within: TimeRange) -> Request:
    return _post(tenant, rpc.request.__name__.removesuffix("Request"), rpc.fields(within))


def _tree(
    tenant: str,
    within: TimeRange,
    selector: str = "{}",
    media_type: str = JSON.media_type,
    **more: Any,  # noqa: ANN401  # fields of a request in JSON
) -> Request:
    return _post(tenant, "SelectMergeStacktraces", _selected(within, selector) | more, media_type)


def _post(tenant: str, rpc: str, fields: Fields, media_type: str = JSON.media_type) -> Request:
    body = json.dumps(fields).encode()
    if media_type == PROTO.media_type:
        body = json_format.ParseDict(fields, SelectMergeStacktracesRequest()).SerializeToString()
    return Request(path=f"{QUERIER}{rpc}", tenant=tenant, body=body, headers=_content(media_type))


def _page(tenant: str, page: str, parameters: Mapping[str, object]) -> Request:
    return Request(path=f"/pyroscope/{page}?{urlencode(parameters)}", tenant=tenant)


def _content(media_type: str) -> dict[str, str]:
    return {"Content-Type": media_type}


def _times(within: TimeRange) -> Fields:
    return {"start": within.start_ms, "end": within.end_ms}


def _selected(within: TimeRange, selector: str) -> Fields:
    return _times(within) | {"profileTypeID": PROFILE_TYPE, "labelSelector": selector}


def _chosen(within: TimeRange, selector: str, side: str) -> Fields:
    """Return the parameters of a page; `side` is `left`, `right` or empty."""
    names = [side + (name.title() if side else name) for name in ("query", "from", "until")]
    return dict(zip(names, (PROFILE_TYPE + selector, within.start_ms, within.end_ms), strict=True))


def _days(hours: int) -> TimeRange:
    """Return the last `hours` of the workload's days."""
    end = an_hour(0).start_ms + HOURS * _HOUR_MS
    return TimeRange(start_ms=end - hours * _HOUR_MS, end_ms=end)
