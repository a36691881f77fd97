"""The whole server on a real store, with Grafana's queries."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
from google.protobuf import json_format

from all_in_one import create_app
from cli.tree import every_frame, tree_of
from flamehouse.pb.profile_pb2 import Profile
from flamehouse.pb.push_pb2 import RawProfileSeries
from flamehouse.pb.querier_pb2 import FlameGraph, Level
from flamehouse.services import Services
from flamehouse.settings import Settings
from flamehouse.store import Store
from tests.support.queries.oracle import Stack, oracle_flamegraph
from tests.support.servers.client import Client
from tests.support.uploads.profiles import CPU
from tests.support.uploads.uploads import PUSH, pushed

type Points = list[tuple[int, float]]
type LabelledPoints = tuple[list[tuple[str, str]], Points]
"""Labels and (timestamp in ms, value) pairs, both in the order of the response."""

_WEEK_MS = 7 * 86_400_000
_FIRST_MONDAY_MS = 4 * 86_400_000
EVERYTHING = 1_048_576
"""The maximum number of nodes of a flame graph."""


def new_tenant() -> str:
    return f"tenant-{uuid4().hex}"


def some_monday_ms() -> int:
    """Returns midnight (UTC) of a random Monday in 1990 to 2025, so that tests share no partition and each stays small."""
    return _FIRST_MONDAY_MS + _WEEK_MS * (1_043 + uuid4().int % 1_826)


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One tenant's view of a server."""

    client: Client

    @classmethod
    def on(cls, store: Store, settings: Settings, tenant: str | None = None) -> "Server":
        """Returns a server on this store, for a new tenant if none is given."""
        services = Services(settings=settings, store=store)
        return cls(client=Client(server=create_app(lambda: services), tenant=tenant or new_tenant()))

    def push(self, *series: RawProfileSeries) -> None:
        """Sends a push; checks that all of it is accepted."""
        response = self.send_push(*series)
        assert response.status_code == 200, response.text

    def send_push(self, *series: RawProfileSeries) -> httpx.Response:
        return self.client.send("POST", PUSH, pushed(*series), {"Content-Type": "application/proto"})

    def ingest(self, profile: Profile, query: str) -> None:
        """Sends a pprof to /ingest; checks that it is accepted."""
        response = self.client.send("POST", f"/ingest?format=pprof&{query}", profile.SerializeToString())
        assert response.status_code == 200, response.text

    def flamegraph(
        self,
        start: int,
        end: int,
        *,
        selector: str = "{}",
        max_nodes: int = EVERYTHING,
        type_: str = CPU,
        **more: Any,
    ) -> FlameGraph:
        """Calls SelectMergeStacktraces for [start, end); `more` are fields of the request."""
        response = self.call(
            "SelectMergeStacktraces",
            profileTypeID=type_,
            labelSelector=selector,
            start=start,
            end=end,
            maxNodes=max_nodes,
            **more,
        )
        assert response.status_code == 200, response.text
        return json_format.ParseDict(response.json()["flamegraph"], FlameGraph())

    def selves(self, start: int, end: int, *, selector: str = "{}", type_: str = CPU) -> dict[str, int]:
        """Returns the functions with a self value in the flame graph of [start, end), and that value."""
        selves: Counter[str] = Counter()
        for frame in every_frame(tree_of(self.flamegraph(start, end, selector=selector, type_=type_))):
            selves[frame.name] += frame.self_value
        return dict(+selves)

    def call(self, rpc: str, **request: Any) -> httpx.Response:
        """Returns the response to a request in JSON, whatever its status."""
        body = json.dumps(request).encode()
        path = f"/querier.v1.QuerierService/{rpc}"
        return self.client.send("POST", path, body, {"Content-Type": "application/json"})

    def series(
        self, start: int, end: int, *, step: float, selector: str = "{}", type_: str = CPU, **more: Any
    ) -> list[LabelledPoints]:
        """Calls SelectSeries; `more` are fields of the request."""
        request = {
            "profileTypeID": type_,
            "labelSelector": selector,
            "start": start,
            "end": end,
            "step": step,
            **more,
        }
        return [
            (
                [(pair["name"], pair.get("value", "")) for pair in series.get("labels", [])],
                [(int(point["timestamp"]), point.get("value", 0.0)) for point in series["points"]],
            )
            for series in self.client.rpc("SelectSeries", request).get("series", [])
        ]

    def label_names(self, start: int, end: int, *selectors: str) -> list[str]:
        """Returns the label names for a client that accepts UTF-8 names, without private ones."""
        request = {"matchers": selectors, "start": start, "end": end}
        response = self.client.rpc("LabelNames", request, {"Accept": "*/*;allow-utf8-labelnames=true"})
        return [name for name in response.get("names", []) if not name.startswith("__")]

    def label_values(self, start: int, end: int, name: str, *selectors: str) -> list[str]:
        request = {"name": name, "matchers": selectors, "start": start, "end": end}
        response: list[str] = self.client.rpc("LabelValues", request).get("names", [])
        return response

    def profile_types(self, start: int, end: int) -> list[str]:
        response = self.client.rpc("ProfileTypes", {"start": start, "end": end})
        return [each["ID"] for each in response.get("profileTypes", [])]


def drawn(stacks: Sequence[Stack], max_nodes: int = EVERYTHING) -> FlameGraph:
    """Returns the flame graph that Pyroscope draws of these stacks."""
    names, levels, total, max_self = oracle_flamegraph(stacks, max_nodes)
    return FlameGraph(
        names=names, levels=[Level(values=values) for values in levels], total=total, max_self=max_self
    )
