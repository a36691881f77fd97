"""Diff of real uploads, requested from the whole server and compared with Pyroscope's algorithm in plain Python."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from google.protobuf import json_format
from hypothesis import example, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from flamehouse.pb.querier_pb2 import DiffResponse, FlameGraphDiff, Level
from flamehouse.settings import Settings
from flamehouse.store import Store
from tests.support.queries.oracle import Stack, oracle_diff
from tests.support.queries.queries import EVERYTHING, Server, some_monday_ms
from tests.support.uploads.profiles import CPU, Sample, labels_of, names_of, pprof_of
from tests.support.uploads.uploads import series

HOUR = 3_600_000
FRAMES = st.sampled_from(["a", "b", "other", "total", "", ("a", "b"), 7, "é"])
SAMPLES = st.lists(
    st.builds(Sample, stack=st.lists(FRAMES, max_size=5), values=st.tuples(st.integers(0, 1 << 40))),
    min_size=1,
    max_size=8,
)
LABEL_SETS = (labels_of(), labels_of(service_name="cart"))

type Sent = Sequence[Sequence[Sample]]
"""The samples of the two services, shop and cart."""


def push(server: Server, monday: int, sent: Sent) -> None:
    """Sends a profile of each service, cart's an hour after shop's."""
    server.push(
        *(
            series(labels, pprof_of(samples, time_ms=monday + hours * HOUR))
            for hours, (labels, samples) in enumerate(zip(LABEL_SETS, sent, strict=True))
        )
    )


def stacks_of(samples: Sequence[Sample]) -> list[Stack]:
    return [(names_of(each.stack), each.values[0]) for each in samples]


def side(
    start: int, end: int, *, selector: str = "{}", max_nodes: int = EVERYTHING, **more: Any
) -> dict[str, Any]:
    return {
        "profileTypeID": CPU,
        "labelSelector": selector,
        "start": start,
        "end": end,
        "maxNodes": max_nodes,
        **more,
    }


def compared(server: Server, left: Mapping[str, Any], right: Mapping[str, Any]) -> FlameGraphDiff:
    response = server.call("Diff", left=left, right=right)
    assert response.status_code == 200, response.text
    return json_format.ParseDict(response.json(), DiffResponse()).flamegraph


def drawn(left: Sequence[Stack], right: Sequence[Stack], max_nodes: int = EVERYTHING) -> FlameGraphDiff:
    names, levels, total, max_self, left_ticks, right_ticks = oracle_diff(left, right, max_nodes)
    return FlameGraphDiff(
        names=names,
        levels=[Level(values=values) for values in levels],
        total=total,
        max_self=max_self,
        leftTicks=left_ticks,
        rightTicks=right_ticks,
    )


@examples(max_examples=20)
@given(st.tuples(SAMPLES, SAMPLES), st.lists(st.integers(1, 12), min_size=3, max_size=3))
@example(([Sample(stack=["other"], values=(5,))], [Sample(stack=["p"], values=(1,))]), [2])
@example(([Sample(stack=["other"], values=(1,))], [Sample(stack=["z"], values=(5,))]), [2])
def test_two_services_are_compared_as_pyroscope_compares_them(
    store: Store, settings: Settings, sent: Sent, cuts: Sequence[int]
) -> None:
    server, monday = Server.on(store, settings), some_monday_ms()
    push(server, monday, sent)
    shop, cart = (stacks_of(samples) for samples in sent)
    for max_nodes in (*cuts, EVERYTHING):
        request = [
            side(monday, monday + 2 * HOUR, selector=f'{{service_name="{name}"}}', max_nodes=nodes)
            for name, nodes in (("shop", max_nodes), ("cart", 1))
        ]
        assert compared(server, *request) == drawn(shop, cart, max_nodes)


@pytest.mark.parametrize(("left", "right", "nodes"), [(2, 0, 2), (0, 2, 2), (1, 3, 3), (0, 0, EVERYTHING)])
def test_the_larger_number_of_nodes_cuts_both_sides(
    store: Store, settings: Settings, left: int, right: int, nodes: int
) -> None:
    server, monday = Server.on(store, settings), some_monday_ms()
    samples = [
        Sample(stack="ab", values=(5,)),
        Sample(stack="c", values=(3,)),
        Sample(stack="d", values=(1,)),
    ]
    push(server, monday, [samples, samples])
    sides = [
        side(monday, monday + HOUR, selector='{service_name="shop"}', max_nodes=each)
        for each in (left, right)
    ]
    assert compared(server, *sides) == drawn(stacks_of(samples), stacks_of(samples), nodes)


def test_two_times_of_one_selection_are_compared(store: Store, settings: Settings) -> None:
    server, monday = Server.on(store, settings), some_monday_ms()
    samples = [Sample(stack="ab", values=(5,)), Sample(stack="ac", values=(3,))]
    push(server, monday, [samples, [Sample(stack="ab", values=(8,)), Sample(stack="d", values=(1,))]])
    sides = [side(monday + hour * HOUR, monday + (hour + 1) * HOUR) for hour in range(2)]
    assert compared(server, *sides) == drawn([("ab", 5), ("ac", 3)], [("ab", 8), ("d", 1)])
    assert compared(server, sides[0], sides[0]) == drawn([("ab", 5), ("ac", 3)], [("ab", 5), ("ac", 3)])


def test_each_side_has_its_own_call_site_and_spans(store: Store, settings: Settings) -> None:
    server, monday = Server.on(store, settings), some_monday_ms()
    span = "00000000000000ff"
    samples = [
        Sample(stack="ab", values=(5,)),
        Sample(stack="bc", values=(3,), labels={"span_id": span}),
        Sample(stack="bd", values=(2,)),
    ]
    push(server, monday, [samples, samples])
    hour = (monday, monday + HOUR)
    below_a = side(*hour, stackTraceSelector={"callSite": [{"name": "a"}]})
    below_b = side(*hour, stackTraceSelector={"callSite": [{"name": "b"}]})
    assert compared(server, below_a, below_b) == drawn([("ab", 5)], [("bc", 3), ("bd", 2)])
    assert compared(server, side(*hour, spanSelector=[span]), below_b) == drawn(
        [("bc", 3)], [("bc", 3), ("bd", 2)]
    )


def test_a_side_without_data_is_empty(store: Store, settings: Settings) -> None:
    server, monday = Server.on(store, settings), some_monday_ms()
    push(server, monday, [[Sample(stack="ab", values=(5,))]] * 2)
    full, empty = side(monday, monday + HOUR), side(monday + 5 * HOUR, monday + 6 * HOUR)
    long_gone = side(1_000, 4_000)
    for nothing in (empty, long_gone):
        assert compared(server, full, nothing) == drawn([("ab", 5)], [])
        assert compared(server, nothing, full) == drawn([], [("ab", 5)])
    assert compared(server, empty, long_gone) == drawn([], [])


@pytest.mark.parametrize("left_hours", [1, 2])
def test_sums_beyond_64_bits_are_rejected(store: Store, settings: Settings, left_hours: int) -> None:
    server, monday = Server.on(store, settings), some_monday_ms()
    push(server, monday, [[Sample(stack="ab", values=((1 << 63) - 1,))]] * 2)
    left, right = (side(monday, monday + hours * HOUR) for hours in (left_hours, 1))
    response = server.call("Diff", left=left, right=right)
    assert (response.status_code, response.json()["code"]) == (400, "out_of_range")


@pytest.mark.parametrize(
    ("left", "right", "message"),
    [
        (None, side(1_000, 2_000), "profile-type selection must be of the form"),
        (side(1_000, 2_000), None, "profile-type selection must be of the form"),
        (side(1_000, 2_000, max_nodes=-1), side(1_000, 2_000), "max flamegraph nodes limit must be set"),
        (side(1_000, 2_000), side(2_000, 1_000), "query start time is after end time"),
        (side(1_000, 2_000), side(1_000, 2_000, spanSelector=["x"]), "invalid span id length"),
        (side(1_000, 2_000, selector=""), side(1_000, 2_000), ""),
    ],
)
def test_both_sides_of_a_diff_must_be_valid(
    store: Store, settings: Settings, left: Any, right: Any, message: str
) -> None:
    response = Server.on(store, settings).call("Diff", left=left, right=right)
    body = response.json()
    assert (response.status_code, body["code"]) == (400, "invalid_argument")
    assert body["message"].startswith(message)
