"""SelectSeries over real uploads, requested from the whole server and compared with sums in plain Python."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from flamehouse.settings import Settings
from flamehouse.store import Store
from flamehouse.store.read import series as series_query
from tests.support.queries.queries import LabelledPoints, Server, some_monday_ms
from tests.support.uploads.profiles import CPU, labels_of, pprof_of, sample
from tests.support.uploads.uploads import series

SECOND = 1_000
HOUR = 3_600 * SECOND
DAY = 24 * HOUR
AVERAGE = "TIME_SERIES_AGGREGATION_TYPE_AVERAGE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A profile of one sample: the extra labels of its series, its time counted from a Monday, and its total."""

    at: int
    total: int
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request; times count from the same Monday, `step` in milliseconds."""

    start: int
    end: int
    step: int
    group_by: Sequence[str] = ()
    average: bool = False
    limit: int = 0


def push(server: Server, monday: int, profiles: Sequence[Taken]) -> None:
    server.push(
        *(
            series(labels_of(**each.labels), pprof_of([sample("a", each.total)], time_ms=monday + each.at))
            for each in profiles
        )
    )


def call(server: Server, monday: int, request: Request, selector: str = "{}") -> list[LabelledPoints]:
    """Returns the response, its timestamps counted from the Monday."""
    response = server.series(
        monday + request.start,
        monday + request.end,
        step=request.step / 1000,
        selector=selector,
        groupBy=request.group_by,
        aggregation=AVERAGE if request.average else 0,
        limit=request.limit,
    )
    return [(labels, [(at - monday, value) for at, value in points]) for labels, points in response]


def expected(profiles: Sequence[Taken], request: Request) -> list[LabelledPoints]:
    """Returns Pyroscope's result: the point at T sums the profiles in (T - step, T] and before the end."""
    last = min(
        request.start + (request.end - request.start) // request.step * request.step,
        max(request.start, request.end - 1),
    )
    groups: dict[tuple[tuple[str, str], ...], dict[int, list[int]]] = {}
    for each in profiles:
        if not request.start - request.step < each.at <= last:
            continue
        labels = tuple((name, each.labels[name]) for name in request.group_by if name in each.labels)
        point = request.start - (request.start - each.at) // request.step * request.step
        groups.setdefault(labels, {}).setdefault(point, []).append(each.total)
    found: list[LabelledPoints] = [
        (
            list(labels),
            [
                (at, sum(totals) / (len(totals) if request.average else 1))
                for at, totals in sorted(points.items())
            ],
        )
        for labels, points in groups.items()
    ]
    found.sort(key=lambda each: (-sum(value for _, value in each[1]), each[0]))
    return found[: request.limit or None]


ALL_DIVIDE = 27_720
"""A multiple of every number of profiles up to twelve, so that averages are integers and their sums exact."""
MOMENTS = st.builds(
    lambda edge, count, off: DAY + edge * count + off,
    st.sampled_from([SECOND, 15 * SECOND, HOUR, DAY]),
    st.integers(-1, 6),
    st.sampled_from([-1, 0, 0, 1, 4_711]),
)
TAKEN = st.builds(
    Taken,
    at=MOMENTS,
    total=st.sampled_from([1, 2, 4, 8, 1 << 30]).map(lambda factor: factor * ALL_DIVIDE),
    labels=st.fixed_dictionaries(
        {"service_name": st.sampled_from(["shop", "bag"])},
        optional={"env": st.sampled_from(["a", "b"]), "zone": st.sampled_from(["a", "é"])},
    ),
)
REQUESTS = st.builds(
    lambda ends, step, **more: Request(start=min(ends), end=max(ends), step=step, **more),
    st.tuples(MOMENTS, MOMENTS),
    st.sampled_from([1, 7, SECOND, 15 * SECOND, HOUR, DAY, 10**9, 10**12]),
    group_by=st.sampled_from(
        [(), ("service_name",), ("env",), ("zone", "env"), ("env", "service_name"), ("nowhere",)]
    ),
    average=st.booleans(),
    limit=st.integers(0, 3),
)


@examples(max_examples=15)
@given(st.lists(TAKEN, min_size=1, max_size=12), st.lists(REQUESTS, min_size=5, max_size=5))
def test_points_are_the_sums_of_the_profiles_in_each_step(
    store: Store, settings: Settings, profiles: list[Taken], requests: list[Request]
) -> None:
    server, monday = Server.on(store, settings), some_monday_ms()
    push(server, monday, profiles)
    for request in requests:
        assert call(server, monday, request) == expected(profiles, request)


THREE = (
    Taken(at=0, total=1),
    Taken(at=15_000, total=2),
    Taken(at=15_001, total=4),
    Taken(at=30_000, total=8),
    Taken(at=44_999, total=16),
)


@pytest.mark.parametrize(
    ("fields", "points"),
    [
        (Request(start=0, end=60_000, step=15_000), [(0, 1), (15_000, 2), (30_000, 12), (45_000, 16)]),
        # profiles after the last complete step do not count
        (Request(start=0, end=44_999, step=15_000), [(0, 1), (15_000, 2), (30_000, 12)]),
        (Request(start=0, end=30_001, step=15_000), [(0, 1), (15_000, 2), (30_000, 12)]),
        # nor do profiles at the end
        (Request(start=0, end=30_000, step=15_000), [(0, 1), (15_000, 2), (30_000, 4)]),
        # the first step begins before the start
        (Request(start=14_999, end=15_000, step=15_000), [(14_999, 1)]),
        (Request(start=15_000, end=15_001, step=15_000), [(15_000, 2)]),
        (Request(start=15_000, end=15_000, step=15_001), [(15_000, 3)]),
        (Request(start=50_000, end=50_001, step=DAY), [(50_000, 31)]),
        # steps count from the start, not from rounded times
        (Request(start=1, end=60_000, step=15_000), [(1, 1), (15_001, 6), (30_001, 8), (45_001, 16)]),
        (Request(start=14_999, end=15_002, step=1), [(15_000, 2), (15_001, 4)]),
        (Request(start=100_000, end=200_000, step=15_000), []),
    ],
)
def test_a_point_sums_the_profiles_since_the_previous_one(
    store: Store, settings: Settings, fields: Request, points: list[tuple[int, float]]
) -> None:
    server, monday = Server.on(store, settings), some_monday_ms()
    push(server, monday, THREE)
    assert call(server, monday, fields) == ([([], points)] if points else [])


@pytest.mark.parametrize("group_by", [(), ("env",)])
@pytest.mark.parametrize("selector", ["{}", '{service_name="shop"}', '{env="a"}', '{env=~"a|b"}'])
def test_the_first_step_reaches_back_into_the_day_before(
    store: Store, settings: Settings, selector: str, group_by: tuple[str, ...]
) -> None:
    server, monday = Server.on(store, settings), some_monday_ms()
    push(server, monday, [Taken(at=-1, total=5, labels={"env": "a"})])
    request = Request(start=0, end=SECOND, step=SECOND, group_by=group_by)
    labels = [("env", "a")] if group_by else []
    assert call(server, monday, request, selector) == [(labels, [(0, 5)])]


def test_series_with_equal_sums_are_ordered_by_their_labels(store: Store, settings: Settings) -> None:
    server, monday = Server.on(store, settings), some_monday_ms()
    label_sets: Sequence[dict[str, str]] = (
        {},
        {"env": "b"},
        {"env": "a"},
        {"zone": "a"},
        {"zone": "a", "env": "a"},
        {"zone": "é"},
    )
    push(server, monday, [Taken(at=0, total=3, labels=labels) for labels in label_sets])
    request = Request(start=0, end=1, step=SECOND, group_by=("zone", "env"))
    assert [labels for labels, _ in call(server, monday, request)] == [
        [],
        [("env", "a")],
        [("env", "b")],
        [("zone", "a")],
        [("zone", "a"), ("env", "a")],
        [("zone", "é")],
    ]


def test_stacks_without_functions_count_as_in_flame_graphs(store: Store, settings: Settings) -> None:
    server, monday = Server.on(store, settings), some_monday_ms()
    samples = [sample("ab", 1), sample(["a", 0x40], 2), sample([0x40, 0x41], 4), sample([], 8)]
    server.push(series(labels_of(), pprof_of(samples, time_ms=monday)))
    assert server.series(monday, monday + 1, step=1) == [([], [(monday, 15)])]
    assert server.flamegraph(monday, monday + 1).total == 15


def test_each_part_of_a_split_profile_counts_as_one_in_an_average(store: Store, settings: Settings) -> None:
    server, monday = Server.on(store, settings), some_monday_ms()
    samples = [
        sample("a", 1),
        sample("b", 2, span_id="00000000000000aa"),
        sample("c", 3, service_name="excluded"),
        sample("a", 10, thread="1"),
        sample("b", 20, thread="1"),
    ]
    server.push(series(labels_of(), pprof_of(samples, time_ms=monday)))
    averages = server.series(monday, monday + 1, step=1, aggregation=AVERAGE, groupBy=["thread"])
    assert averages == [([("thread", "1")], [(monday, 30)]), ([], [(monday, 6)])]
    assert server.series(monday, monday + 1, step=1, aggregation=AVERAGE) == [([], [(monday, 18)])]


@pytest.mark.parametrize(("average", "value"), [(False, float(4 * ((1 << 63) - 1))), (True, float(1 << 63))])
def test_sums_may_exceed_64_bits(store: Store, settings: Settings, average: bool, value: float) -> None:
    server, monday = Server.on(store, settings), some_monday_ms()
    push(server, monday, [Taken(at=at, total=(1 << 63) - 1) for at in range(4)])
    assert call(server, monday, Request(start=9, end=9, step=10, average=average)) == [([], [(9, value)])]


def test_every_sample_type_has_its_own_series(store: Store, settings: Settings) -> None:
    server, monday = Server.on(store, settings), some_monday_ms()
    types = [("alloc_objects", "count"), ("alloc_space", "bytes"), ("inuse_space", "bytes")]
    profile = pprof_of([sample("a", 1, 100, 0), sample("b", 2, 200, 0)], time_ms=monday, types=types)
    server.push(series({**labels_of(), "__name__": "memory"}, profile))
    ids = [f"memory:{type_}:{unit}:inuse_space:bytes" for type_, unit in types]
    assert server.profile_types(monday, monday) == ids[:2]
    found = [server.series(monday, monday + 1, step=1, type_=type_) for type_ in (*ids, CPU)]
    assert found == [[([], [(monday, 3)])], [([], [(monday, 300)])], [], []]


@pytest.mark.parametrize(
    ("limit", "allowed", "message"),
    [
        ("_MAX_POINTS", 3, "the series would have 4 points, and the limit is 3: request a longer step"),
        ("_MAX_BYTES", 4 * 16, "the response exceeds the size limit; request a shorter range"),
    ],
)
def test_more_points_than_a_response_may_have_are_rejected_with_advice(
    store: Store,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    limit: str,
    allowed: int,
    message: str,
) -> None:
    server, monday = Server.on(store, settings), some_monday_ms()
    push(server, monday, [Taken(at=number, total=1, labels={"pod": f"{number}"}) for number in range(4)])
    monkeypatch.setattr(series_query, limit, allowed)
    query = {"profileTypeID": CPU, "labelSelector": "{}", "start": monday, "end": monday + 4}
    rejected = server.call("SelectSeries", **query, step=0.001, groupBy=["pod"])
    assert (rejected.status_code, rejected.json()["code"]) == (429, "resource_exhausted")
    assert rejected.json()["message"].startswith(message)
    for request in ({"step": 0.004}, {"step": 0.001, "limit": 1, "groupBy": ["pod"]}):
        assert server.call("SelectSeries", **query, **request).status_code == 200


def test_only_the_points_of_the_series_within_the_limit_count(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, monday = Server.on(store, settings), some_monday_ms()
    names = ("shop", "shop", "shop", "bag")
    profiles = [Taken(at=at, total=1, labels={"service_name": name}) for at, name in enumerate(names)]
    push(server, monday, profiles)
    monkeypatch.setattr(series_query, "_MAX_POINTS", 3)
    request = Request(start=0, end=4, step=1, group_by=("service_name",), limit=1)
    assert call(server, monday, request) == [([("service_name", "shop")], [(0, 1), (1, 1), (2, 1)])]


def test_series_grouped_by_profile_type_have_it_as_a_label(store: Store, settings: Settings) -> None:
    server, monday = Server.on(store, settings), some_monday_ms()
    push(server, monday, [Taken(at=0, total=1)])
    request = Request(start=0, end=1, step=1, group_by=("__profile_type__",))
    assert call(server, monday, request) == [([("__profile_type__", CPU)], [(0, 1)])]
