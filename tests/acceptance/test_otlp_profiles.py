"""OTLP profiles on a real store, in flame graphs and series."""

from uuid import uuid4

import pytest

from flamehouse.pb.querier_pb2 import FlameGraph
from flamehouse.settings import Settings
from flamehouse.store import Store
from tests.support.queries.queries import Server, drawn, some_monday_ms
from tests.support.uploads.otlp import PATH, PROTO, Export
from tests.support.uploads.profiles import CPU, MS


@pytest.fixture
def server(store: Store, settings: Settings) -> Server:
    return Server.on(store, settings)


def send(server: Server, export: Export) -> None:
    response = server.client.send("POST", PATH, export.body, {"Content-Type": PROTO})
    assert (response.status_code, response.content) == (200, b"")


def flamegraph_of(server: Server, at_ms: int, selector: str = "{}", type_: str = CPU) -> FlameGraph:
    return server.flamegraph(at_ms, at_ms + 60_000, selector=selector, type_=type_)


def test_a_batch_of_services_is_stored_by_service(server: Server) -> None:
    at_ms = some_monday_ms()
    export = Export()
    for service in ("shop", "bank"):
        samples = [export.sample(["main", service], [2]), export.sample(["main", ("rest", "inlined")], [1])]
        export.add(export.profile(*samples, time_ns=at_ms * MS), resource={"service.name": service})
    send(server, export)
    for service in ("shop", "bank"):
        selector = f'{{service_name="{service}"}}'
        stacks = [(("main", service), 20_000_000), (("main", "rest", "inlined"), 10_000_000)]
        assert flamegraph_of(server, at_ms, selector) == drawn(stacks)
    assert server.label_values(at_ms, at_ms + 60_000, "service_name") == ["bank", "shop"]


def test_native_frames_are_drawn_by_mapping_and_address(server: Server) -> None:
    at_ms = some_monday_ms()
    export = Export()
    mapping = export.tables.mapping("/lib/libc.so", {"process.executable.build_id.gnu": uuid4().hex})
    samples = [
        export.sample(["main", 0x1234], [3], mapping=mapping),
        export.sample([0x1234, 0x2345], [4], mapping=mapping),
    ]
    export.add(export.profile(*samples, time_ns=at_ms * MS))
    send(server, export)
    stacks = [(("main", "libc.so!0x1234"), 30_000_000), (("libc.so!0x1234", "libc.so!0x2345"), 40_000_000)]
    assert flamegraph_of(server, at_ms) == drawn(stacks)
    [(_, points)] = server.series(at_ms, at_ms + 60_000, step=60)
    assert sum(value for _, value in points) == 70_000_000


def test_a_repeated_request_counts_once(server: Server) -> None:
    at_ms = some_monday_ms()
    export = Export()
    types = (("off_cpu", "nanoseconds"), ("", ""))
    export.add(export.profile(export.sample(["main"], [5, 6]), types=types, time_ns=at_ms * MS))
    for _ in range(3):
        send(server, export)
    assert server.profile_types(at_ms, at_ms + 60_000) == ["off_cpu:off_cpu:nanoseconds::"]
    assert flamegraph_of(server, at_ms, type_="off_cpu:off_cpu:nanoseconds::") == drawn([(("main",), 11)])


def test_samples_are_selected_by_their_span(server: Server) -> None:
    at_ms = some_monday_ms()
    export = Export()
    link = export.tables.link(bytes(range(16)), bytes.fromhex("00f067aa0ba902b7"))
    samples = [export.sample(["main", "traced"], [1], link=link), export.sample(["main", "other"], [1])]
    export.add(export.profile(*samples, time_ns=at_ms * MS))
    send(server, export)
    response = server.call(
        "SelectMergeSpanProfile",
        profileTypeID=CPU,
        labelSelector="{}",
        spanSelector=["00f067aa0ba902b7"],
        start=at_ms,
        end=at_ms + 60_000,
    )
    assert set(response.json()["flamegraph"]["names"]) == {"total", "main", "traced"}
