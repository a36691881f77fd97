"""Profiles of shapes that no recorded client sends, from the upload to the response."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import quote

import pytest

from flamehouse.pb.profile_pb2 import Mapping as Mapped
from flamehouse.pb.profile_pb2 import Profile
from flamehouse.settings import Settings
from flamehouse.store import Store
from flamehouse.store.connection.client import ClickHouse
from tests.support.queries.oracle import Stack
from tests.support.queries.queries import EVERYTHING, Server, drawn, some_monday_ms
from tests.support.uploads.profiles import CPU, MS, Frame, Sample, labels_of, names_of, pprof_of, sample
from tests.support.uploads.uploads import series

HOUR = 3_600_000
DEPTH = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """A server, and the Monday on which the profiles of its one service are taken."""

    server: Server
    monday: int

    def push(self, *samples: Sample, mapping: Mapped | None = None) -> None:
        self.push_profile(pprof_of(samples, time_ms=self.monday, mapping=mapping))

    def push_profile(self, profile: Profile) -> None:
        self.server.push(series(labels_of(), profile))

    def shows(self, stacks: Sequence[Stack], max_nodes: int = EVERYTHING) -> bool:
        """Checks that the day's flame graph is the one that Pyroscope draws of these stacks."""
        found = self.server.flamegraph(self.monday, self.monday + 24 * HOUR, max_nodes=max_nodes)
        return found == drawn(stacks, max_nodes)

    def total(self) -> float:
        """Returns the sum of SelectSeries."""
        [(_, points)] = self.server.series(self.monday, self.monday + HOUR, step=3_600)
        return sum(value for _, value in points)


@pytest.fixture
def shop(store: Store, settings: Settings) -> Shop:
    return Shop(server=Server.on(store, settings), monday=some_monday_ms())


SHAPES: dict[str, list[tuple[Sequence[Frame], int]]] = {
    "recursion": [("abab", 1), ("aab", 2), ("aaa", 4), ("a", 8), ("ba", 16)],
    "a function called other that calls others": [
        (["a", "other", "b"], 3),
        (["a", "other"], 2),
        (["a", "z"], 1),
    ],
    "other as the outermost function": [(["other", "a"], 3), (["b"], 2)],
    "a function called total": [(["total", "total"], 3), (["a", "total"], 2)],
    "functions without a name": [(["", "a", ""], 3), ([""], 2), (["a", "", ""], 1)],
    "inlined functions": [([("a", "b", "c"), "d"], 3), (["a", "b", ("c", "d")], 2), (["a", ("b", "x")], 1)],
    "a function inlined into itself": [([("a", "a", "a")], 3), (["a", "a"], 2)],
    "frames without symbols": [
        ([0x10, "a", 0x20, "b", 0x30], 3),
        (["a", "b"], 2),
        ([0x10, 0x20], 4),
        ([], 8),
    ],
    "only frames without symbols": [([0x10, 0x20], 4), ([], 8)],
    "unusual names": [
        (["' OR 1=1 --", "\n\t\0", "\U0001f600", "<b>&amp;", "a;b", " "], 1),
        ([" ", "\u200b"], 2),
    ],
    "names that differ only at their ends": [
        (["x" * 60_000 + end], value) for end, value in (("a", 1), ("b", 2))
    ],
    "many siblings": [([f"f{number:04}"], number + 1) for number in range(3_000)],
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("max_nodes", [1, 3, EVERYTHING])
def test_a_profile_is_drawn_as_pyroscope_draws_it(shop: Shop, shape: str, max_nodes: int) -> None:
    samples = SHAPES[shape]
    shop.push(*(sample(stack, value) for stack, value in samples))
    assert shop.shows([(names_of(stack), value) for stack, value in samples], max_nodes)
    assert shop.total() == sum(value for _, value in samples)


NAMES = [f"f{number}" for number in range(5_000)]


@pytest.mark.parametrize(
    "stack",
    [
        NAMES[: DEPTH - 1],
        NAMES[:DEPTH],
        NAMES[: DEPTH + 1],
        NAMES,
        [tuple(NAMES[at : at + 7]) for at in range(0, len(NAMES), 7)],
        [tuple(NAMES)],
        ["recursive"] * 5_000,
    ],
    ids=[
        "999",
        "1000",
        "1001",
        "5000",
        "5000 inlined in sevens",
        "5000 inlined into one",
        "5000 with the same name",
    ],
)
def test_a_stack_keeps_its_thousand_outermost_frames(shop: Shop, stack: Sequence[Frame]) -> None:
    shop.push(sample(stack, 3), sample(["f0", "beside"], 1))
    assert shop.shows([(names_of(stack)[:DEPTH], 3), (["f0", "beside"], 1)])


ADDRESSES = "SELECT id, address FROM locations WHERE tenant = {tenant:String}"
STACKS = "SELECT locations, length(functions) FROM stacktraces WHERE tenant = {tenant:String}"


def test_unknown_frames_are_stored_with_their_address(shop: Shop, clickhouse: ClickHouse) -> None:
    mapping = Mapped(id=1, memory_start=0x1000, memory_limit=0x9000)
    shop.push(sample([0x1001, "a", 0x1002], 1), sample([0x1003], 2), mapping=mapping)
    tenant = {"tenant": shop.server.client.tenant}
    addresses = dict(map(tuple, clickhouse.rows(ADDRESSES, tenant)))
    stored = [([addresses[id_] for id_ in ids], named) for ids, named in clickhouse.rows(STACKS, tenant)]
    assert sorted(stored) == [([0x1001, 0, 0x1002], 3), ([0x1003], 1)]


STORED_SPANS = """
SELECT hex(reinterpretAsFixedString(byteSwap(span_id))), lower(hex(trace_id)), value
FROM sampled_profiles
ARRAY JOIN values AS value, arrayResize(span_ids, length(values)) AS span_id, arrayResize(trace_ids, length(values)) AS trace_id
WHERE tenant = {tenant:String}
ORDER BY value
"""
SPAN = "9A517183F26A089D"
TRACE = "0af7651916cd43dd8448eb211c80319c"


def test_spans_and_traces_are_stored_with_samples_and_make_no_series(
    shop: Shop, clickhouse: ClickHouse
) -> None:
    shop.push(
        sample("a", 1, span_id=SPAN.lower(), trace_id=TRACE),
        sample("a", 2, profile_id=SPAN),
        sample("a", 4),
    )
    stored = clickhouse.rows(STORED_SPANS, {"tenant": shop.server.client.tenant})
    nothing = "0" * 16
    assert [tuple(row) for row in stored] == [
        (SPAN, TRACE, 1),
        (SPAN, nothing * 2, 2),
        (nothing, nothing * 2, 4),
    ]
    assert shop.server.label_names(shop.monday, shop.monday) == ["service_name"]
    assert shop.shows([("a", 7)])


def test_builds_with_different_layouts_share_their_stacks(shop: Shop, clickhouse: ClickHouse) -> None:
    for start in (0x1000, 0x40000):
        profile = pprof_of([sample("ab", 2)], time_ms=shop.monday, mapping=Mapped(id=1, has_functions=True))
        profile.mapping[0].memory_start = start
        for location in profile.location:
            location.address = start + location.id
        shop.push_profile(profile)
    assert shop.shows([("ab", 4)])
    count = "SELECT uniqArray(stacktrace_ids) FROM sampled_profiles WHERE tenant = {tenant:String}"
    assert clickhouse.rows(count, {"tenant": shop.server.client.tenant}) == [(1,)]


def test_labels_of_the_series_override_those_of_its_samples(shop: Shop) -> None:
    samples = [
        sample("a", 1, env="sample", zone="x"),
        sample("a", 2, env="sample"),
        sample("b", 4, service_name="sample", __name__="sample", __profile_type__="sample"),
    ]
    shop.server.push(series(labels_of(env="prod"), pprof_of(samples, time_ms=shop.monday)))
    within = (shop.monday, shop.monday)
    assert shop.server.series(*within, step=1, groupBy=["service_name", "env", "zone"]) == [
        ([("service_name", "shop"), ("env", "prod")], [(shop.monday, 6)]),
        ([("service_name", "shop"), ("env", "prod"), ("zone", "x")], [(shop.monday, 1)]),
    ]
    assert shop.server.profile_types(*within) == [CPU]


def test_a_name_in_an_upload_may_have_any_character_of_a_url(shop: Shop) -> None:
    profile = pprof_of([sample("ab", 3)], time_ms=shop.monday)
    value = "' OR 1=1 -- \\ \" é \U0001f600 + %41 &"
    shop.server.ingest(profile, f"name={quote(f'shop.web-1{{env={value},k8s.pod=x/y}}')}&spyName=rbspy")
    within = (shop.monday, shop.monday)
    assert shop.server.label_values(*within, "env") == [value]
    assert shop.server.label_values(*within, "k8s.pod", '{service_name="shop.web-1"}') == ["x/y"]
    assert shop.shows([([" a", " b"], 3)])


@pytest.mark.parametrize("time_ms", [1, 4_000, 3 * 24 * HOUR, 4 * 24 * HOUR, 10 * 365 * 24 * HOUR])
def test_old_profiles_are_found_whatever_their_age(store: Store, settings: Settings, time_ms: int) -> None:
    server = Server.on(store, settings)
    server.push(series(labels_of(env="a"), pprof_of([sample("ab", 3)], time_ms=time_ms)))
    for end in (time_ms + 1, time_ms + HOUR, 30 * 365 * 24 * HOUR):
        assert server.flamegraph(time_ms, end, selector='{env="a"}') == drawn([("ab", 3)])
    assert server.series(time_ms, time_ms, step=1, groupBy=["env"]) == [([("env", "a")], [(time_ms, 3)])]
    assert server.label_values(time_ms, time_ms, "env") == ["a"]


@pytest.mark.parametrize("nanosecond", [0, 1, MS - 1])
def test_a_profile_is_found_in_the_millisecond_it_was_taken(shop: Shop, nanosecond: int) -> None:
    profile = pprof_of([sample("ab", 3)], time_ms=shop.monday)
    profile.time_nanos += nanosecond
    shop.push_profile(profile)
    at = shop.monday
    assert shop.server.series(at, at, step=0.001) == [([], [(at, 3)])]
    assert [shop.server.flamegraph(start, start + 1).total for start in (at - 1, at, at + 1)] == [0, 3, 0]


def test_profiles_without_a_time_get_the_current_one(store: Store, settings: Settings) -> None:
    server = Server.on(store, settings)
    server.push(series(labels_of(), pprof_of([sample("ab", 3)], time_ms=0)))
    now = time.time_ns() // MS
    assert server.flamegraph(now - HOUR, now + 1) == drawn([("ab", 3)])


UPLOADS = 300


@pytest.mark.parametrize("place", ["embedded"], indirect=True, scope="session")
def test_simultaneous_uploads_are_each_stored_once(shop: Shop) -> None:
    stacks = [(["main", f"f{number % 20}"], number + 1) for number in range(UPLOADS)]

    def send(number: int) -> None:
        stack, value = stacks[number]
        shop.server.push(
            series(
                labels_of(pod=str(number % 7)), pprof_of([sample(stack, value)], time_ms=shop.monday + number)
            )
        )

    with ThreadPoolExecutor(max_workers=16) as threads:
        list(threads.map(send, range(UPLOADS)))
    assert shop.shows(stacks)
    by_pod = shop.server.series(shop.monday, shop.monday + HOUR, step=3_600, groupBy=["pod"])
    totals = {labels[0][1]: sum(value for _, value in points) for labels, points in by_pod}
    assert totals == {str(pod): sum(range(pod + 1, UPLOADS + 1, 7)) for pod in range(7)}
