"""Merged stacks of selected samples: by profile, span, trace or call site, and as TREE."""

import base64
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from flamehouse.settings import Settings
from flamehouse.store import Store
from flamehouse.store.connection.client import ClickHouse
from tests.support.queries.oracle import Stack, oracle_tree, read_tree
from tests.support.queries.queries import EVERYTHING, Server, drawn, some_monday_ms
from tests.support.uploads.profiles import CPU, Sample, labels_of, names_of, pprof_of
from tests.support.uploads.uploads import series

HOUR = 3_600_000
SPANS = ("00000000000000ff", "8a517183f26a089d")
TRACES = ("0af7651916cd43dd8448eb211c80319c", "ff" * 16)
NO_SPAN = "0" * 16
NO_TRACE = "0" * 32

LABELS = st.fixed_dictionaries(
    {}, optional={"span_id": st.sampled_from(SPANS), "trace_id": st.sampled_from(TRACES)}
)
STACKS = st.lists(st.sampled_from(["a", "b", "other", "", ("a", "b"), 7]), max_size=5)
SAMPLES = st.lists(
    st.builds(Sample, stack=STACKS, values=st.tuples(st.integers(0, 1 << 40)), labels=LABELS),
    min_size=1,
    max_size=8,
)
PROFILES = st.lists(st.tuples(st.integers(0, 3 * HOUR), SAMPLES), min_size=1, max_size=4)

type Profiles = Sequence[tuple[int, Sequence[Sample]]]
type Counts = Callable[[Sample], bool]

QUERIES: Mapping[str, tuple[Mapping[str, Any], Counts]] = {
    "a span": ({"spanSelector": [SPANS[0]]}, lambda each: each.labels.get("span_id") == SPANS[0]),
    "two spans": ({"spanSelector": [*SPANS, NO_SPAN]}, lambda each: "span_id" in each.labels),
    "no span": ({"spanSelector": [NO_SPAN]}, lambda _: False),
    "a trace": ({"traceIdSelector": [TRACES[1]]}, lambda each: each.labels.get("trace_id") == TRACES[1]),
    "no trace": ({"traceIdSelector": [NO_TRACE]}, lambda _: False),
    "a call site": (
        {"stackTraceSelector": {"callSite": [{"name": "a"}, {"name": "b"}]}},
        lambda each: names_of(each.stack)[:2] == ["a", "b"],
    ),
    "a call site without a name": (
        {"stackTraceSelector": {"callSite": [{"name": ""}]}},
        lambda each: names_of(each.stack)[:1] == [""],
    ),
    "a span below a call site": (
        {"spanSelector": [SPANS[0]], "stackTraceSelector": {"callSite": [{"name": "a"}]}},
        lambda each: each.labels.get("span_id") == SPANS[0] and names_of(each.stack)[:1] == ["a"],
    ),
}


def push(server: Server, monday: int, profiles: Profiles) -> None:
    server.push(*(series(labels_of(), pprof_of(samples, time_ms=monday + at)) for at, samples in profiles))


def stacks_of(profiles: Profiles, counts: Counts = lambda _: True) -> list[Stack]:
    return [
        (names_of(each.stack), each.values[0]) for _, samples in profiles for each in samples if counts(each)
    ]


@examples(max_examples=15)
@given(PROFILES)
def test_only_the_selected_samples_are_drawn(store: Store, settings: Settings, profiles: Profiles) -> None:
    server, monday = Server.on(store, settings), some_monday_ms()
    push(server, monday, profiles)
    for request, counts in QUERIES.values():
        found = server.flamegraph(monday, monday + 3 * HOUR + 1, **request)
        assert found == drawn(stacks_of(profiles, counts))


@pytest.mark.parametrize("name", ["a span", "two spans"])
def test_a_span_profile_is_the_flame_graph_of_its_spans(store: Store, settings: Settings, name: str) -> None:
    server, monday = Server.on(store, settings), some_monday_ms()
    samples = [
        Sample(stack="ab", values=(5,), labels={"span_id": SPANS[0]}),
        Sample(stack="ac", values=(3,), labels={"profile_id": SPANS[1]}),
        Sample(stack="a", values=(9,)),
    ]
    push(server, monday, [(0, samples), (HOUR, samples)])
    request, _ = QUERIES[name]
    query = {"profileTypeID": CPU, "labelSelector": "{}", "start": monday, "end": monday + 2 * HOUR}
    response = server.call("SelectMergeSpanProfile", **query, **request).json()["flamegraph"]
    assert response["total"] == str(2 * 5 if name == "a span" else 2 * (5 + 3))
    everything = server.call("SelectMergeSpanProfile", **query).json()["flamegraph"]
    assert everything["total"] == str(2 * (5 + 3 + 9))


def test_a_profile_is_selected_by_its_id(store: Store, settings: Settings, clickhouse: ClickHouse) -> None:
    server, monday = Server.on(store, settings), some_monday_ms()
    push(server, monday, [(at, [Sample(stack="ab", values=(1 + at,))]) for at in range(3)])
    sql = "SELECT toUnixTimestamp64Milli(time), toString(profile_id) FROM sampled_profiles WHERE tenant = {tenant:String}"
    ids = dict(map(tuple, clickhouse.rows(sql, {"tenant": server.client.tenant})))
    for at in range(3):
        found = server.flamegraph(monday, monday + HOUR, profileIdSelector=[ids[monday + at]])
        assert found == drawn([("ab", 1 + at)])
    unknown = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
    some = [ids[monday], ids[monday + 2], unknown]
    assert server.flamegraph(monday, monday + HOUR, profileIdSelector=some) == drawn([("ab", 1 + 3)])
    assert server.flamegraph(monday, monday + HOUR, profileIdSelector=[unknown]) == drawn([])


@examples(max_examples=25)
@given(PROFILES, st.lists(st.integers(1, 12), min_size=4, max_size=4))
@example([(0, [Sample(stack=["other", "x"], values=(5,)), Sample(stack=["p"], values=(1,))])], [2])
@example([(0, [Sample(stack=["other"], values=(1,)), Sample(stack=["z", "y"], values=(5,))])], [2])
def test_the_cut_part_of_a_tree_joins_a_frame_called_other(
    store: Store, settings: Settings, profiles: Profiles, cuts: Sequence[int]
) -> None:
    server, monday = Server.on(store, settings), some_monday_ms()
    push(server, monday, profiles)
    request = {"profileTypeID": CPU, "labelSelector": "{}", "start": monday, "end": monday + 3 * HOUR + 1}
    stacks = stacks_of(profiles)
    for max_nodes in (*cuts, EVERYTHING):
        for rpc in ("SelectMergeStacktraces", "SelectMergeSpanProfile"):
            response = server.call(rpc, **request, format="PROFILE_FORMAT_TREE", maxNodes=max_nodes).json()
            expected = oracle_tree(stacks, max_nodes)
            if not expected.children:
                assert response == {}
            else:
                assert read_tree(base64.b64decode(response["tree"])) == expected
