"""Recorded requests of real clients, and the queries with recorded results of Grafana Pyroscope (../shared/fixtures)."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.servers.client import Client

CLIENTS = (
    "alloy-ebpf",
    "alloy-scrape",
    "go",
    "java",
    "java-otlp",
    "nodejs",
    "push-cumulative",
    "python",
    "python-0.8",
    "rust",
)
"""The folders of the recordings."""

NOT_REPLAYED = {"host", "content-length", "transfer-encoding", "connection", "x-scope-orgid"}
_UTF8_NAMES = {"Accept": "*/*;allow-utf8-labelnames=true"}
_ALL_NODES = 200_000
_TOP = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One request as it was sent."""

    folder: Path

    def replay(self, client: Client) -> dict[str, Any]:
        """Sends the request; returns the response in the form of `server_response`."""
        request = json.loads((self.folder / "request.json").read_text())
        omitted = {*NOT_REPLAYED, "authorization"} if client.credential else NOT_REPLAYED
        response = client.send(
            request["method"],
            f"{request['path']}?{request['query']}",
            (self.folder / "body.bin").read_bytes(),
            {name: value for name, value in request["headers"] if name.lower() not in omitted},
        )
        return {
            "status": response.status_code,
            "content_type": response.headers.get("content-type", ""),
            "content_encoding": response.headers.get("content-encoding", ""),
            "body": response.text,
        }


def recordings_of(client_folder: Path) -> list[Recording]:
    return [Recording(folder=path.parent) for path in sorted(client_folder.glob("*/request.json"))]


def observe(client: Client, expected: Mapping[str, Any]) -> dict[str, Any]:
    """Runs the recorded queries; returns the results under their names in expected.json."""
    within = expected["query_range_ms"]
    all_names = client.rpc("LabelNames", within, _UTF8_NAMES).get("names", [])
    types = [each["ID"] for each in client.rpc("ProfileTypes", within).get("profileTypes", [])]
    label_sets = [labels for type_ in types for labels, _ in _series(client, type_, within, all_names)]
    return {
        "label_names": client.rpc("LabelNames", within).get("names", []),
        "label_names_utf8": all_names,
        "profile_types": [_observe_type(client, type_, within) for type_ in types],
        "series_label_sets": _distinct([_legacy(labels) for labels in label_sets]),
        "series_label_sets_utf8": _distinct(label_sets),
    }


def responses(expected: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the parts of expected.json that `observe` returns: all but those read from the payload without a server."""
    observed = {name: expected[name] for name in ("label_names", "label_names_utf8")}
    observed["profile_types"] = [
        {name: value for name, value in each.items() if name != "samples"}
        for each in expected["profile_types"]
    ]
    for name in ("series_label_sets", "series_label_sets_utf8"):
        observed[name] = _distinct(expected[name])
    return observed


def _observe_type(client: Client, type_: str, within: Mapping[str, int]) -> dict[str, Any]:
    names = [name for name in client.rpc("LabelNames", within)["names"] if not name.startswith("__")]
    series = _series(client, type_, within, names)
    timestamps = [timestamp for _, points in series for timestamp, _ in points]
    return {
        "id": type_,
        **_observe_flamegraph(client, type_, within),
        "series_total": sum(value for _, points in series for _, value in points),
        "series": sorted(
            (
                {"labels": labels, "sum": sum(value for _, value in points), "points": len(points)}
                for labels, points in series
            ),
            key=lambda each: sorted(each["labels"].items()),
        ),
        "series_point_range_ms": [min(timestamps), max(timestamps)],
    }


def _observe_flamegraph(client: Client, type_: str, within: Mapping[str, int]) -> dict[str, Any]:
    request = {"profileTypeID": type_, "labelSelector": "{}", "maxNodes": _ALL_NODES, **within}
    flamegraph = client.rpc("SelectMergeStacktraces", request)["flamegraph"]
    names, levels = flamegraph["names"], flamegraph["levels"]
    selves: Counter[str] = Counter()
    for level in levels:
        values = [int(value) for value in level["values"]]
        for self_, name in zip(values[2::4], values[3::4], strict=True):
            selves[names[name]] += self_
    top = sorted(
        ((name, self_) for name, self_ in selves.items() if self_), key=lambda each: (-each[1], each[0])
    )
    return {
        "total": int(flamegraph.get("total", 0)),
        "max_self": int(flamegraph.get("maxSelf", 0)),
        "top_self": [list(each) for each in top[:_TOP]],
        "distinct_self_functions": len(top),
        "flamegraph_names": len(names),
        "flamegraph_levels": len(levels),
    }


def _series(
    client: Client, type_: str, within: Mapping[str, int], group_by: Sequence[str]
) -> list[tuple[dict[str, str], list[tuple[int, float]]]]:
    request = {"profileTypeID": type_, "labelSelector": "{}", "groupBy": group_by, "step": 1, **within}
    return [
        (
            {pair["name"]: pair["value"] for pair in series.get("labels", [])},
            [(int(point["timestamp"]), point["value"]) for point in series["points"]],
        )
        for series in client.rpc("SelectSeries", request).get("series", [])
    ]


def _legacy(labels: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in labels.items() if "." not in name}


def _distinct(label_sets: Sequence[Mapping[str, str]]) -> list[list[list[str]]]:
    """Returns the distinct label sets, sorted."""
    return [
        [list(pair) for pair in labels]
        for labels in sorted({tuple(sorted(each.items())) for each in label_sets})
    ]
