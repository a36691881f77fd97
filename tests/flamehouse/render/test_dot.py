"""Call graphs in DOT of real uploads, parsed as Graphviz parses them and compared with sums in plain Python."""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from flamehouse.settings import Settings
from flamehouse.store import Store
from tests.support.queries.dot_language import DotGraph, label_lines, read_dot
from tests.support.queries.oracle import Stack
from tests.support.queries.queries import Server, some_monday_ms
from tests.support.uploads.profiles import CPU, labels_of, pprof_of, sample
from tests.support.uploads.uploads import series

UNITS = {"hrs": 3_600 * 10**9, "mins": 60 * 10**9, "s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}


def push(server: Server, monday: int, stacks: Sequence[Stack], **labels: str) -> None:
    samples = [sample(names, value) for names, value in stacks]
    server.push(series(labels_of(**labels), pprof_of(samples, time_ms=monday)))


def dot_text(server: Server, monday: int, **more: Any) -> str:
    request = {"profileTypeID": CPU, "labelSelector": "{}", "start": monday, "end": monday + 1, **more}
    response = server.call("SelectMergeStacktraces", **request, format="PROFILE_FORMAT_DOT")
    assert response.status_code == 200, response.text
    text: str = response.json().get("dot", "")
    return text


def numbers_of(graph: DotGraph) -> tuple[dict[str, tuple[int, int]], dict[tuple[str, str], tuple[int, bool]]]:
    """Returns each function's flat and cum, and each call's weight and whether it is residual."""
    names, functions = {}, {}
    for id_, attributes in graph.nodes.items():
        name, flat, *cum = label_lines(attributes["label"])
        names[id_] = name
        functions[name] = (value_of(flat), value_of((cum or [flat])[0].removeprefix("of ")))
    edges = {
        (names[tail], names[head]): (value_of(attributes["label"].strip()), "style" in attributes)
        for tail, head, attributes in graph.edges
    }
    return functions, edges


def value_of(text: str) -> int:
    figure = text.partition(" ")[0]
    unit = figure.lstrip("0123456789.")
    return round(float(figure.removesuffix(unit)) * UNITS.get(unit, 1))


def sums_of(
    stacks: Sequence[Stack], kept: int
) -> tuple[dict[str, tuple[int, int]], dict[tuple[str, str], tuple[int, bool]]]:
    flat: Counter[str] = Counter()
    cum: Counter[str] = Counter()
    for names, value in stacks:
        flat[names[-1]] += value
        cum.update(dict.fromkeys(names, value))
    shown = sorted(cum, key=lambda name: (-cum[name], -flat[name], name))[:kept]
    weights: Counter[tuple[str, str]] = Counter()
    residual = set()
    for names, value in stacks:
        places = [place for place, name in enumerate(names) if name in shown]
        calls = {}
        for before, after in pairwise(places):
            call = names[before], names[after]
            if call[0] != call[1]:
                calls[call] = value
                if after > before + 1:
                    residual.add(call)
        weights.update(calls)
    functions = {name: (flat[name], cum[name]) for name in shown}
    return functions, {call: (weight, call in residual) for call, weight in weights.items()}


STACKS = st.lists(
    # Numbers of up to three digits are shown unscaled.
    st.tuples(st.text("abcde", min_size=1, max_size=7).map(list), st.integers(1, 30)),
    min_size=1,
    max_size=12,
)


@examples(max_examples=25)
@given(STACKS, st.integers(1, 6))
@example([(list("abcab"), 1), (list("ab"), 2), (list("aab"), 4)], 2)
def test_a_call_graph_counts_each_function_and_call_once_per_stack(
    store: Store, settings: Settings, stacks: list[Stack], max_nodes: int
) -> None:
    server, monday = Server.on(store, settings), some_monday_ms()
    push(server, monday, stacks)
    graph = read_dot(dot_text(server, monday, maxNodes=max_nodes))
    assert numbers_of(graph) == sums_of(stacks, max_nodes)
    assert graph.name == "cpu"


def test_the_legend_describes_the_graph(store: Store, settings: Settings) -> None:
    server, monday = Server.on(store, settings), some_monday_ms()
    push(server, monday, [(["main", "work"], 2_500_000_000), (["main", "idle"], 7_500_000_000)])
    graph = read_dot(dot_text(server, monday, maxNodes=2))
    assert label_lines(graph.legend["label"]) == [
        "Type: cpu",
        "Showing nodes accounting for 7.5s (75.00%) of 10s total",
        "Showing top 2 nodes out of 3",
        "",
    ]
    assert [label_lines(each["label"]) for each in graph.nodes.values()] == [
        ["main", "0", "of 10s (100.00%)"],
        ["idle", "7.5s (75.00%)"],
    ]


def test_without_a_limit_a_hundred_functions_are_returned(store: Store, settings: Settings) -> None:
    server, monday = Server.on(store, settings), some_monday_ms()
    push(server, monday, [(["main", f"f{number}"], 1 + number) for number in range(130)])
    assert len(read_dot(dot_text(server, monday)).nodes) == 100
    assert len(read_dot(dot_text(server, monday, maxNodes=131)).nodes) == 131


@pytest.mark.parametrize(
    "name",
    [
        'say "hi"',
        "back\\slash\\",
        "\\",
        '\\"',
        "\\N",
        "std::map<int, T[]>",
        "{}",
        "é 世界",
        "a -> b",
        "%s;#//",
    ],
)
def test_a_function_name_is_shown_verbatim(store: Store, settings: Settings, name: str) -> None:
    server, monday = Server.on(store, settings), some_monday_ms()
    push(server, monday, [([name, "leaf"], 5)])
    functions, edges = numbers_of(read_dot(dot_text(server, monday)))
    assert functions == {name: (0, 5), "leaf": (5, 5)}
    assert edges == {(name, "leaf"): (5, False)}


@pytest.mark.parametrize(("name", "shown"), [("", "(no name)"), ("a\nb\tc\x00d", "a b c d")])
def test_characters_without_a_glyph_are_escaped(
    store: Store, settings: Settings, name: str, shown: str
) -> None:
    server, monday = Server.on(store, settings), some_monday_ms()
    push(server, monday, [([name], 5)])
    functions, _ = numbers_of(read_dot(dot_text(server, monday)))
    assert functions == {shown: (5, 5)}


def test_the_cut_part_of_a_tree_is_a_function_called_other(store: Store, settings: Settings) -> None:
    few = Settings(clickhouse_dsn=settings.clickhouse_dsn, default_flamegraph_nodes=2)
    server, monday = Server.on(store, few), some_monday_ms()
    push(server, monday, [(["main", "work"], 7), (["main", "a"], 2), (["main", "b"], 1)])
    functions, edges = numbers_of(read_dot(dot_text(server, monday, maxNodes=1)))
    assert (functions, edges) == ({"main": (0, 10)}, {})
    functions, edges = numbers_of(read_dot(dot_text(server, monday)))
    assert functions == {"main": (0, 10), "work": (7, 7), "other": (3, 3)}
    assert edges == {("main", "work"): (7, False), ("main", "other"): (3, False)}


def test_no_data_is_an_empty_string(store: Store, settings: Settings) -> None:
    server, monday = Server.on(store, settings), some_monday_ms()
    assert dot_text(server, monday) == ""
    push(server, monday, [(["main"], 5)], service_name="cart")
    assert dot_text(server, monday, labelSelector='{service_name="shop"}') == ""
