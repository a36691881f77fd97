"""The page's modules in the browser, compared with the reference cases of the server's flame graphs."""

from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf import json_format
from playwright.sync_api import Page

from flamehouse.render.flamegraph import flamegraph_of
from tests.flamehouse.render.test_flamegraph import EVERYTHING, SHAPES, cut, stacks_of
from tests.support.queries.oracle import Stack, oracle_diff

type Run = Callable[[str, Any], Any]
"""Runs a case below in the page."""

WITH_MODULES = """
async ({ run, input }) => {
  const base = document.querySelector("script[type=module]").src;
  const load = (name) => import(new URL(name, base).href);
  const [graph, merge, names, queries, times, units] = await Promise.all(
    ["flame/graph.js", "flame/merge.js", "flame/names.js", "query.js", "time_range.js", "units.js"].map(load),
  );
  const cases = {
    nodes: ({ names, levels, isDiff }) => {
      const decoded = graph.decode({ names, levels }, isDiff);
      return Array.from({ length: decoded.count }, (_, node) => [decoded.namesTo(node), decoded.total[node], decoded.self[node]]);
    },
    functions: (answer) => graph.functionsOf(graph.decode(answer)).map((row) => [row.name, row.total, row.self]),
    callers: ({ answer, name }) => {
      const found = merge.callers(graph.decode(answer), answer.names.indexOf(name));
      return Array.from({ length: found.count }, (_, node) => [found.namesTo(node), found.total[node]]);
    },
    fit: ([name, room]) => names.fitName(name, room),
    query: (text) => { const { type, matchers } = queries.parseQuery(text); return [type, matchers, queries.formatQuery(type, matchers)]; },
    time: ([text, now]) => times.parseTime(text, now),
    value: ([value, unit]) => units.formatValue(value, unit),
    relative: ([left, right]) => units.formatRelative(left, right),
  };
  return cases[run](input);
}
"""


@pytest.fixture
def run(page: Page) -> Run:
    page.goto("/")
    return lambda name, argument: page.evaluate(WITH_MODULES, {"run": name, "input": argument})


def response(stacks: list[Stack], max_nodes: int) -> dict[str, Any]:
    """Returns the flame graph in the JSON of SelectMergeStacktraces."""
    found: dict[str, Any] = json_format.MessageToDict(flamegraph_of(cut(stacks, max_nodes)))
    return found


@pytest.mark.parametrize("shape", SHAPES)
def test_levels_are_read_as_grafana_reads_them(run: Run, shape: str) -> None:
    stacks, max_nodes, *_ = SHAPES[shape]
    nodes = run("nodes", {**response(stacks, max_nodes), "isDiff": False})
    found = [(path, self_) for path, _, self_ in nodes if self_]
    assert sorted(found) == sorted(stacks_of(flamegraph_of(cut(stacks, max_nodes))))


@pytest.mark.parametrize("shape", SHAPES)
def test_functions_count_each_stack_once(run: Run, shape: str) -> None:
    stacks = [*SHAPES[shape][0], (["r", "s", "r", "r"], 7), (["s", "r"], 5)]
    totals: dict[str, int] = {}
    selves: dict[str, int] = {}
    for names, value in stacks_of(flamegraph_of(cut(stacks, EVERYTHING))):
        selves[names[-1]] = selves.get(names[-1], 0) + value
        for name in set(names):
            totals[name] = totals.get(name, 0) + value
    rows = run("functions", response(stacks, EVERYTHING))
    assert {name: (total, self_) for name, total, self_ in rows} == {
        name: (total, selves.get(name, 0)) for name, total in totals.items()
    }


def test_callers_come_from_every_call_of_a_function(run: Run) -> None:
    stacks: list[Stack] = [(["a", "f", "f"], 3), (["b", "f"], 2), (["b", "a", "f", "x"], 4), (["c"], 1)]
    nodes = run("callers", {"answer": response(stacks, EVERYTHING), "name": "f"})
    assert sorted(nodes) == [[[], 9], [["a"], 7], [["a", "b"], 4], [["b"], 2]]


def test_both_sides_of_a_diff_are_read(run: Run) -> None:
    left: list[Stack] = [(["a", "b"], 3), (["a", "c"], 2)]
    right: list[Stack] = [(["a", "b"], 1), (["d"], 6)]
    names, levels, *_ = oracle_diff(left, right, EVERYTHING)
    nodes = run("nodes", {"names": names, "levels": [{"values": level} for level in levels], "isDiff": True})
    assert {tuple(path): total for path, total, _ in nodes} == {
        (): 12,
        ("a",): 6,
        ("a", "b"): 4,
        ("a", "c"): 2,
        ("d",): 6,
    }


@pytest.mark.parametrize(
    ("case", "given", "expected"),
    [
        ("fit", ["net/http.(*conn).serve", 30], "net/http.(*conn).serve"),
        ("fit", ["net/http.(*conn).serve", 18], "http.(*conn).serve"),
        ("fit", ["net/http.(*conn).serve", 6], "…serve"),
        ("fit", ["net/http.(*conn).serve", 2], ""),
        (
            "query",
            'cpu{a="b\\"c", d!~`e,f`}',
            [
                "cpu",
                [{"name": "a", "op": "=", "value": 'b"c'}, {"name": "d", "op": "!~", "value": "e,f"}],
                'cpu{a="b\\"c", d!~"e,f"}',
            ],
        ),
        ("query", "cpu", ["cpu", [], "cpu{}"]),
        ("query", 'cpu{"a.b"="c"}', ["cpu", [{"name": "a.b", "op": "=", "value": "c"}], 'cpu{"a.b"="c"}']),
        ("time", ["now-1h", 7_200_000], 3_600_000),
        ("time", ["1795379470", 0], 1_795_379_470_000),
        ("time", ["1795379470813", 0], 1_795_379_470_813),
        ("value", [12_900_000_000, "nanoseconds"], "12.9 s"),
        ("value", [-1_536, "bytes"], "−1.50 KiB"),  # noqa: RUF001  # the minus sign that is shown
        ("value", [0, "count"], "0"),
        ("relative", [1, 1.25], "+25.0 %"),
        ("relative", [0, 1], "new"),
        ("relative", [1, 0], "gone"),
    ],
)
def test_values_are_human_readable(run: Run, case: str, given: Any, expected: Any) -> None:
    assert run(case, given) == expected
