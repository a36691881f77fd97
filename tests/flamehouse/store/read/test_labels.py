"""Queries of labels, and the series that a selector selects: the same in every query."""

import json
from collections.abc import Mapping, Sequence
from itertools import product

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from flamehouse.settings import Settings
from flamehouse.store import Store
from tests.support.queries.queries import Server, some_monday_ms
from tests.support.uploads.profiles import CPU, labels_of, pprof_of, sample
from tests.support.uploads.uploads import series

HEAP = "memory:cpu:nanoseconds:cpu:nanoseconds"
DAY = 86_400_000

SERIES: dict[str, Mapping[str, str]] = {
    "A": labels_of(pod="a"),
    "B": labels_of(pod="b", zone="1"),
    "C": labels_of(service_name="cart", pod="a\nb"),
    "D": labels_of(service_name="it's", **{"k8s.ns": "x y", "größe": "café"}),
    "E": labels_of(__name__="memory", pod="a"),
}
"""The values of the series are 1, 2, 4, 8, 16, so every set of them has a distinct total. E has another profile type."""


@pytest.fixture(scope="module")
def monday() -> int:
    return some_monday_ms()


@pytest.fixture(scope="module")
def server(store: Store, settings: Settings, monday: int) -> Server:
    server = Server.on(store, settings)
    server.push(
        *(
            series(labels, pprof_of([sample(["main", name], 1 << index)], time_ms=monday))
            for index, (name, labels) in enumerate(SERIES.items())
        )
    )
    return server


PICKED = {
    "{}": "ABCDE",
    " { } ": "ABCDE",
    '{service_name="shop",}': "ABE",
    '{service_name="shop"}': "ABE",
    "{service_name='shop', }": "ABE",
    "{service_name=`it's`}": "D",
    '{service_name!="shop"}': "CD",
    '{service_name=~"shop|cart"}': "ABCE",
    '{service_name=~"sho"}': "",
    '{service_name!~"s.*"}': "CD",
    '{service_name="shop",service_name="cart"}': "",
    '{service_name="shop",service_name!="cart"}': "ABE",
    '{service_name="shop",service_name="shop"}': "ABE",
    '{service_name=""}': "",
    '{service_name="shop",pod="a"}': "AE",
    '{service_name="shop",pod!="a",zone=~"[0-9]+"}': "B",
    f'{{__profile_type__="{CPU}"}}': "ABCD",
    f'{{__profile_type__="{HEAP}",service_name="shop"}}': "E",
    '{__profile_type__=~"process_cpu:.*"}': "ABCD",
    f'{{__profile_type__!="{CPU}"}}': "E",
    '{__name__="memory"}': "E",
    "process_cpu": "ABCD",
    'process_cpu{pod="a"}': "A",
    'memory{__type__="cpu"}': "E",
    '{__service_name__="cart"}': "C",
    '{__unit__="nanoseconds",__period_type__="cpu"}': "ABCDE",
    '{pod=""}': "D",
    '{pod!=""}': "ABCE",
    '{pod=~".*"}': "ABCDE",
    '{pod=~".+"}': "ABCE",
    '{pod!~".+"}': "D",
    '{pod!="a"}': "BCD",
    '{pod=~"a|"}': "ADE",
    '{pod=~"a.b"}': "C",
    '{pod=~"A"}': "",
    '{pod=~"(?i)A"}': "AE",
    '{pod="a\\nb"}': "C",
    '{nowhere=""}': "ABCDE",
    '{nowhere="x"}': "",
    '{"k8s.ns"="x y"}': "D",
    '{"k8s.ns"!=""}': "D",
    '{"größe"=~"caf."}': "D",
    '{"größe"!~"caf.",zone=""}': "ACE",
    '{"memory"}': "E",
}


@pytest.mark.parametrize(("selector", "picked"), PICKED.items())
def test_a_selector_selects_the_same_series_in_every_query(
    server: Server, monday: int, selector: str, picked: str
) -> None:
    totals = {CPU: 0, HEAP: 0}
    for name in picked:
        totals[HEAP if name == "E" else CPU] += 1 << list(SERIES).index(name)
    for type_, total in totals.items():
        points = server.series(monday, monday, step=1, selector=selector, type_=type_)
        assert points == ([([], [(monday, total)])] if total else [])
        assert server.flamegraph(monday, monday + 1, selector=selector, type_=type_).total == total
    labels = [SERIES[name] for name in picked]
    names = {name for each in labels for name in each if not name.startswith("__")}
    assert server.label_names(monday, monday, selector) == sorted(names)
    services = {each["service_name"] for each in labels}
    assert server.label_values(monday, monday, "service_name", selector) == sorted(services)


def test_several_selectors_of_a_query_must_all_match(server: Server, monday: int) -> None:
    selectors = ('{pod=~"a|b"}', '{service_name!=""}', 'process_cpu{zone=""}')
    assert server.label_values(monday, monday, "pod", *selectors) == ["a"]
    assert server.label_names(monday, monday, *selectors) == ["pod", "service_name"]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("service_name", ["cart", "it's", "shop"]),
        ("__service_name__", ["cart", "it's", "shop"]),
        ("pod", ["a", "a\nb", "b"]),
        ("zone", ["1"]),
        ("k8s.ns", ["x y"]),
        ("größe", ["café"]),
        ("__name__", ["memory", "process_cpu"]),
        ("__profile_type__", [HEAP, CPU]),
        ("__type__", ["cpu"]),
        ("__unit__", ["nanoseconds"]),
        ("__period_type__", ["cpu"]),
        ("__period_unit__", ["nanoseconds"]),
        ("nowhere", []),
        ("x' OR '1'='1", []),
        ("{name:String}", []),
    ],
)
def test_values_of_a_label_are_sorted_and_unique(
    server: Server, monday: int, name: str, values: list[str]
) -> None:
    assert server.label_values(monday, monday, name) == values


@pytest.mark.parametrize(
    ("start", "end", "known"),
    [
        (-1, -1, False),
        (-DAY, -1, False),
        (-DAY, 0, True),
        (0, 0, True),
        (DAY - 1, DAY - 1, True),
        (0, DAY, True),
        (DAY, DAY, False),
        (DAY, 30 * DAY, False),
        (-30 * DAY, 30 * DAY, True),
    ],
)
def test_labels_are_found_on_the_days_their_profiles_were_taken(
    server: Server, monday: int, start: int, end: int, known: bool
) -> None:
    within = (monday + start, monday + end)
    assert bool(server.label_names(*within)) is known
    assert server.label_values(*within, "zone") == (["1"] if known else [])
    assert server.profile_types(*within) == ([HEAP, CPU] if known else [])


FRAGMENTS = (
    *"'\"`\\%$;#?|.*^ {}[]()",
    "\n",
    "\t",
    "\r",
    "\0",
    "\x7f",
    "{x:String}",
    "\\'",
    "--",
    "/*",
    "é",
    "e\u0301",
    "\u200b",
    "\uffff",
    "\U0001f600",
    "\U0010ffff",
    "' OR 1=1 --",
    "'); DROP TABLE samples; --",
    "NULL",
)
ODD_VALUES = sorted({"".join(parts) for parts in product(FRAGMENTS, repeat=2)})
assert len(ODD_VALUES) > 1_000


def go_string(text: str) -> str:
    """Returns the text as a string literal in a selector."""
    for char, escaped in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n")):
        text = text.replace(char, escaped)
    return f'"{text}"'


@pytest.fixture(scope="module")
def odd_server(store: Store, settings: Settings, monday: int) -> Server:
    """A server with a series for each of ODD_VALUES, whose total is the value's index plus one."""
    server = Server.on(store, settings)
    for first in range(0, len(ODD_VALUES), 500):
        samples = [
            sample("a", index + 1, odd=value)
            for index, value in enumerate(ODD_VALUES[first : first + 500], start=first)
        ]
        server.push(series(labels_of(), pprof_of(samples, time_ms=monday)))
    return server


def test_values_with_any_characters_survive(odd_server: Server, monday: int) -> None:
    assert odd_server.label_values(monday, monday, "odd") == ODD_VALUES
    grouped = odd_server.series(monday, monday, step=1, groupBy=["odd"])
    totals = {value: points[0][1] for [(_, value)], points in grouped}
    assert totals == {value: index + 1 for index, value in enumerate(ODD_VALUES)}


@pytest.mark.parametrize("index", range(0, len(ODD_VALUES), 41))
def test_a_selector_finds_a_value_with_any_characters(odd_server: Server, monday: int, index: int) -> None:
    selector = f"{{odd={go_string(ODD_VALUES[index])}}}"
    assert odd_server.flamegraph(monday, monday + 1, selector=selector).total == index + 1
    assert odd_server.label_values(monday, monday, "odd", selector) == [ODD_VALUES[index]]


def test_a_regular_expression_finds_values_with_any_characters(odd_server: Server, monday: int) -> None:
    values = ODD_VALUES[::20]
    quoted = "|".join(f"\\Q{value}\\E" for value in values if "\\E" not in value)
    selector = f"{{odd=~{go_string(quoted)}}}"
    assert odd_server.label_values(monday, monday, "odd", selector) == values


ODD_NAMES = st.text(
    st.characters(exclude_categories=["Cs"]) | st.sampled_from("\\'\"`{}%$\n\t\0"), min_size=1, max_size=12
).filter(lambda name: not name.startswith("__"))


@examples(max_examples=10)
@given(st.dictionaries(ODD_NAMES, ODD_NAMES, min_size=1, max_size=12))
def test_names_with_any_characters_survive(store: Store, settings: Settings, odd: dict[str, str]) -> None:
    labels = {**odd, **labels_of()}
    server, monday = Server.on(store, settings), some_monday_ms()
    server.push(series(labels, pprof_of([sample("a", 7)], time_ms=monday)))
    names = [name for name in labels if not name.startswith("__")]
    assert server.label_names(monday, monday) == sorted(names)
    selector = "{" + ",".join(f"{go_string(name)}={go_string(labels[name])}" for name in names) + "}"
    grouped = server.series(monday, monday, step=1, selector=selector, groupBy=names)
    assert grouped == [([(name, labels[name]) for name in names], [(monday, 7)])]
    assert server.label_values(monday, monday, names[0], selector) == [labels[names[0]]]


def test_a_query_may_group_by_at_most_a_hundred_labels(server: Server, monday: int) -> None:
    def status(group_by: Sequence[str]) -> int:
        request = {"profileTypeID": CPU, "labelSelector": "{}", "start": monday, "end": monday, "step": 1}
        return server.call("SelectSeries", **request, groupBy=group_by).status_code

    assert status([f"l{number}" for number in range(100)]) == 200
    assert status(["pod"] * 1_000) == 200
    assert status([f"l{number}" for number in range(101)]) == 400


LONG = "'" * 30_000
TEXTS = (
    ("LabelValues", {"name": LONG * 2}),
    (
        "SelectSeries",
        {"profileTypeID": CPU, "labelSelector": "{}", "step": 15, "groupBy": [LONG, LONG[1:] + "x"]},
    ),
    ("SelectMergeStacktraces", {"profileTypeID": f"a:{LONG}{LONG[8:]}:c:d:e", "labelSelector": "{}"}),
)


@pytest.mark.parametrize(("rpc", "fields"), TEXTS, ids=[rpc for rpc, _ in TEXTS])
def test_strings_may_be_as_long_as_a_server_accepts(
    server: Server, monday: int, rpc: str, fields: Mapping[str, object]
) -> None:
    for longer, status in (("'", 200), ("''", 400)):
        request = json.loads(json.dumps(fields).replace(LONG, LONG[:-1] + longer, 1))
        response = server.call(rpc, **request, start=monday, end=monday + DAY)
        assert response.status_code == status, response.text
        assert status == 200 or response.json()["code"] == "invalid_argument"
