"""Flame graphs of real uploads, from the whole server, compared with Pyroscope's algorithm in plain Python."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

import pytest
from hypothesis import assume, example, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from flamehouse.settings import Settings
from flamehouse.store.clickhouse_store import ClickHouseStore
from flamehouse.store.connection.client import ClickHouse
from flamehouse.store.schema.migrate import migrate
from flamehouse.store.write.writer import LoneWriter
from tests.support.queries.oracle import Stack
from tests.support.queries.queries import EVERYTHING, Server, drawn, some_monday_ms
from tests.support.uploads.profiles import CPU, Frame, Sample, labels_of, names_of, pprof_of, sample
from tests.support.uploads.uploads import series

SAMPLES = "process_cpu:samples:count:cpu:nanoseconds"
TYPES = {SAMPLES: ("samples", "count"), CPU: ("cpu", "nanoseconds")}
SECOND = 1_000
FIVE_MINUTES = 300 * SECOND
HOUR = 3_600 * SECOND
DAY = 24 * HOUR
WEEK = 7 * DAY

LABEL_SETS: tuple[Mapping[str, str], ...] = (
    labels_of(),
    labels_of(env="prod"),
    labels_of(service_name="cart"),
)
SELECTED: dict[str, Sequence[Mapping[str, str]]] = {
    "{}": LABEL_SETS,
    '{service_name="shop"}': LABEL_SETS[:2],
    '{env=""}': (LABEL_SETS[0], LABEL_SETS[2]),
    '{env="prod"}': (LABEL_SETS[1],),
    '{service_name=~"c.*"}': (LABEL_SETS[2],),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One profile: its series' labels, its time, and its samples with a value for each of TYPES."""

    labels: Mapping[str, str]
    at: int
    samples: Sequence[Sample]


def push(server: Server, monday: int, profiles: Sequence[Sent], **labels: str) -> None:
    """Sends the profiles in one push; their times count from `monday`, and `labels` are added to their own."""
    types = list(TYPES.values())
    server.push(
        *(
            series({**each.labels, **labels}, pprof_of(each.samples, time_ms=monday + each.at, types=types))
            for each in profiles
        )
    )


def stacks_of(profiles: Sequence[Sent], type_: str, selector: str = "{}") -> list[Stack]:
    """Returns the profiles' stacks in the flame graph of one type; a negative value counts as zero."""
    index = list(TYPES).index(type_)
    return [
        (names_of(each.stack), max(each.values[index], 0))
        for profile in profiles
        if profile.labels in SELECTED[selector]
        for each in profile.samples
    ]


NAMES = st.sampled_from(["a", "b", "c", "other", "total", "", "é"])
FRAMES: st.SearchStrategy[Frame] = (
    NAMES | st.lists(NAMES, min_size=2, max_size=3).map(tuple) | st.integers(1, 3)
)
VALUES = st.integers(-1, 4) | st.integers(0, 1 << 40)
SAMPLE_LABELS = st.sampled_from([{}, {"thread": "1"}, {"span_id": "00000000000000ff"}])
ANY_SAMPLES = st.lists(
    st.builds(
        Sample,
        stack=st.lists(FRAMES, max_size=6),
        values=st.tuples(VALUES, VALUES),
        labels=SAMPLE_LABELS,
    ),
    min_size=1,
    max_size=10,
)
PROFILES = st.lists(
    st.builds(Sent, labels=st.sampled_from(LABEL_SETS), at=st.integers(0, DAY), samples=ANY_SAMPLES),
    min_size=1,
    max_size=8,
)
QUERIES = st.lists(
    st.tuples(st.sampled_from(list(TYPES)), st.sampled_from(list(SELECTED)), st.integers(1, 30)),
    min_size=3,
    max_size=3,
)


@examples(max_examples=15)
@given(PROFILES, QUERIES)
@example([Sent(labels=labels_of(), at=0, samples=[sample([], 1, 1), sample([1, 2], 1, 1)])], [(CPU, "{}", 1)])
def test_the_flame_graph_is_the_one_pyroscope_draws(
    store: ClickHouseStore, settings: Settings, profiles: list[Sent], requests: list[tuple[str, str, int]]
) -> None:
    server, monday = Server.on(store, settings), some_monday_ms()
    push(server, monday, profiles)
    for type_, selector, max_nodes in requests:
        found = server.flamegraph(
            monday, monday + DAY + 1, selector=selector, max_nodes=max_nodes, type_=type_
        )
        assert found == drawn(stacks_of(profiles, type_, selector), max_nodes)


EDGES = st.sampled_from([SECOND, FIVE_MINUTES, HOUR, DAY, WEEK])
MOMENTS = st.builds(
    lambda edge, count, off: edge * (count % (9 * DAY // edge)) + off,
    EDGES,
    st.integers(0, 9 * DAY // SECOND),
    st.sampled_from([0, 0, -1, 1, 7_777]),
).map(lambda moment: max(moment, 0))
"""Times in the two weeks after a Monday, at the edges of buckets and next to them."""
FEW_SAMPLES = st.lists(
    st.builds(sample, st.text("ab", min_size=1, max_size=3), st.integers(0, 3), st.integers(0, 1 << 40)),
    min_size=1,
    max_size=3,
)
SPREAD_PROFILES = st.lists(
    st.builds(Sent, labels=st.sampled_from(LABEL_SETS), at=MOMENTS, samples=FEW_SAMPLES),
    min_size=1,
    max_size=12,
)


@pytest.fixture(scope="module")
def other_store(settings: Settings, clickhouse: ClickHouse) -> ClickHouseStore:
    """A store of another process on the same database, with empty caches."""
    return ClickHouseStore(clickhouse, LoneWriter(clickhouse), settings)


@examples(max_examples=10)
@given(SPREAD_PROFILES, SPREAD_PROFILES, st.lists(st.tuples(MOMENTS, MOMENTS), min_size=4, max_size=4))
def test_a_range_adds_up_its_profiles_whichever_process_stored_them(
    store: ClickHouseStore,
    other_store: ClickHouseStore,
    settings: Settings,
    ours: list[Sent],
    theirs: list[Sent],
    ranges: list[tuple[int, int]],
) -> None:
    # Equal requests are one upload, whichever process receives them.
    assume(sorted(map(repr, ours)) != sorted(map(repr, theirs)))
    server, monday = Server.on(store, settings), some_monday_ms()
    push(server, monday, ours)
    push(Server.on(other_store, settings, server.client.tenant), monday, theirs, pod="theirs")
    for one, other in [*ranges, (0, 9 * DAY), (ours[0].at, theirs[0].at)]:
        start, end = sorted((one, other))
        inside = [each for each in (*ours, *theirs) if start <= each.at < end]
        found = server.flamegraph(monday + start, monday + end)
        assert found == drawn(stacks_of(inside, CPU))


@pytest.fixture(scope="module")
def merging(settings: Settings) -> Iterator[ClickHouse]:
    """A second database in the same engine, with merges."""
    apart = replace(settings, clickhouse_database="merging")
    migrate(apart)
    clickhouse = ClickHouse(apart)
    yield clickhouse
    clickhouse.close()


RANGES = (
    (0, 9 * DAY),
    (0, 30 * DAY),
    (FIVE_MINUTES, HOUR),
    (HOUR - 1, 5 * HOUR + 1),
    (3 * HOUR + 17, DAY + 4_711),
    (6 * DAY, 8 * DAY),
    (WEEK - 1, WEEK + 1),
    (WEEK, WEEK),
)
MERGED_TABLES = (
    "series",
    "sampled_profiles",
    "stacktraces",
    "functions",
    "locations",
    "mappings",
)


def test_merges_change_no_result(merging: ClickHouse, settings: Settings) -> None:
    random, monday = Random(7), some_monday_ms()
    profiles = [
        Sent(
            labels=random.choice(LABEL_SETS),
            at=random.randrange(0, 9 * DAY, 300 * SECOND) + random.choice([0, 0, 1]),
            samples=[sample(random.choices("abc", k=3), random.randint(1, 3), 1) for _ in range(5)],
        )
        for _ in range(24)
    ]
    servers = [
        Server.on(ClickHouseStore(merging, LoneWriter(merging), settings), settings, "a") for _ in range(3)
    ]
    for number, server in enumerate(servers):
        push(server, monday, profiles[number::3])

    def responses() -> list[object]:
        return [
            response
            for start, end in RANGES
            for response in (
                server.flamegraph(monday + start, monday + end, selector='{env!="prod"}', max_nodes=9),
                server.series(monday + start, monday + end, step=600, groupBy=["service_name", "env"]),
            )
        ]

    before = responses()
    for table in MERGED_TABLES:
        merging.command(f"OPTIMIZE TABLE {table} FINAL")
    assert responses() == before
    inside = [each for each in profiles if each.labels.get("env") != "prod"]
    assert before[0] == drawn(stacks_of(inside, CPU), 9)


def test_symbols_are_counted_once_whatever_services_and_weeks_share_them(
    store: ClickHouseStore, settings: Settings
) -> None:
    server, monday = Server.on(store, settings), some_monday_ms()
    times = (0, HOUR, 6 * DAY, WEEK, WEEK + HOUR, 2 * WEEK)
    profiles = [
        Sent(labels=labels, at=at, samples=[sample("ab", 1, 5)]) for at in times for labels in LABEL_SETS
    ]
    push(server, monday, profiles)
    for selector, series_of_profile in (
        ("{}", 3),
        ('{service_name="shop"}', 2),
        ('{service_name="cart"}', 1),
    ):
        found = server.flamegraph(monday, monday + 3 * WEEK, selector=selector)
        assert found == drawn([("ab", 5 * series_of_profile * len(times))])


def test_tenants_share_no_data(store: ClickHouseStore, settings: Settings) -> None:
    monday = some_monday_ms()
    servers = [Server.on(store, settings) for _ in range(2)]
    for value, server in enumerate(servers, start=1):
        push(server, monday, [Sent(labels=labels_of(), at=0, samples=[sample("ab", 1, value)])])
    assert [server.flamegraph(monday, monday + 1).total for server in servers] == [1, 2]


@pytest.mark.parametrize("max_nodes", [1, 2, 3, 4, 5, EVERYTHING])
def test_ties_at_the_cut_remain_even_beyond_the_limit(
    store: ClickHouseStore, settings: Settings, max_nodes: int
) -> None:
    server, monday = Server.on(store, settings), some_monday_ms()
    stacks = [("ab", 2), ("ac", 2), ("d", 2), ("e", 2), ("f", 1), ("ag", 1)]
    push(
        server,
        monday,
        [Sent(labels=labels_of(), at=0, samples=[sample(stack, 1, value) for stack, value in stacks])],
    )
    found = server.flamegraph(monday, monday + 1, max_nodes=max_nodes)
    assert found == drawn(stacks, max_nodes)
    bars = sum(len(level.values) // 4 for level in found.levels)
    # The root; a; b, c, d and e, which tie; then `other` in both places for the cut part, or f and g.
    assert bars == (4 if max_nodes == 1 else 8)


def test_ties_at_the_cut_are_bounded(store: ClickHouseStore, settings: Settings) -> None:
    server, monday = Server.on(store, settings), some_monday_ms()
    stacks = [sample([f"{number}.{depth}" for depth in range(1_000)], 1, 1) for number in range(70)]
    push(server, monday, [Sent(labels=labels_of(), at=0, samples=stacks)])
    found = server.flamegraph(monday, monday + 1, max_nodes=1)
    assert found.total == 70
    assert sum(sum(level.values[2::4]) for level in found.levels) == 70
    # The root, and an `other` for what is cut from each stack.
    assert sum(len(level.values) // 4 for level in found.levels) <= 65_536 + 2 + 70


LARGEST = (1 << 63) - 1


@pytest.mark.parametrize("values", [(LARGEST,), (LARGEST - 1, 1), (1 << 62, (1 << 62) - 1)])
def test_totals_may_be_as_large_as_int64_allows(
    store: ClickHouseStore, settings: Settings, values: Sequence[int]
) -> None:
    server, monday = Server.on(store, settings), some_monday_ms()
    push(
        server,
        monday,
        [
            Sent(labels=labels_of(), at=at, samples=[sample(f"a{at}", 1, value)])
            for at, value in enumerate(values)
        ],
    )
    found = server.flamegraph(monday, monday + 9)
    assert found == drawn([(f"a{at}", value) for at, value in enumerate(values)])


@pytest.mark.parametrize("stacks", [("a", "b"), ("ab", "ab"), ("a", "ab", "abc"), tuple("abcd")])
@pytest.mark.parametrize("max_nodes", [1, 2, EVERYTHING])
def test_a_total_beyond_64_bits_is_rejected(
    store: ClickHouseStore, settings: Settings, stacks: Sequence[str], max_nodes: int
) -> None:
    server, monday = Server.on(store, settings), some_monday_ms()
    push(
        server,
        monday,
        [
            Sent(labels=labels_of(), at=at, samples=[sample(stack, 1, LARGEST // (len(stacks) - 1))])
            for at, stack in enumerate(stacks)
        ],
    )
    request = {"profileTypeID": CPU, "labelSelector": "{}", "start": monday, "end": monday + 9}
    response = server.call("SelectMergeStacktraces", **request, maxNodes=max_nodes)
    assert response.status_code == 400
    assert response.json()["code"] == "out_of_range"


@pytest.mark.parametrize("max_nodes", [1, EVERYTHING])
@pytest.mark.parametrize("stacks", [["a"] * 3, ["a"] * 5, ["a", "b", "a", "a"]])
def test_sums_that_wrap_around_to_a_positive_number_are_rejected(
    store: ClickHouseStore, settings: Settings, stacks: Sequence[str], max_nodes: int
) -> None:
    server, monday = Server.on(store, settings), some_monday_ms()
    sent = [
        Sent(labels=labels_of(), at=at, samples=[sample(stack, 1, LARGEST)])
        for at, stack in enumerate(stacks)
    ]
    push(server, monday, sent)
    request = {"profileTypeID": CPU, "labelSelector": "{}", "start": monday, "end": monday + 9}
    for rpc, body in (
        ("SelectMergeStacktraces", {**request, "maxNodes": max_nodes}),
        ("SelectMergeProfile", {**request, "maxNodes": max_nodes}),
        ("Diff", {"left": {**request, "maxNodes": max_nodes}, "right": {**request, "maxNodes": max_nodes}}),
    ):
        response = server.call(rpc, **body)
        assert response.status_code == 400, rpc
        assert response.json()["code"] == "out_of_range"
