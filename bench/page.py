"""Measures the web page in Chromium: first paint, frames when zooming and scrolling, elements, bytes on the wire."""

import json
import re
import shutil
from collections.abc import Sequence
from random import Random
from typing import Any, Final
from urllib.parse import quote

import httpx
from playwright.sync_api import Browser, Page, Route, sync_playwright

from bench.plan import QUICK, Plan
from bench.report import Line
from tools.local_server import local_server
from tools.page_size import MAX_OPENING_BYTES, MAX_PICTURE_BYTES, Transfer

_QUERY: Final = quote('process_cpu:cpu:nanoseconds:cpu:nanoseconds{service_name="bench"}')
_SIZES: Final = {"8,192 nodes": (8_192, 61), "16,384 nodes": (16_384, 81), "65,536 nodes": (65_536, 121)}
_LARGEST: Final = "65,536 nodes"
"""This is more than the page requests by default, so it has no target."""
_DEEP: Final = ("5,000 rows deep", (10_000, 5_000))
_MAX_FIRST_PAINT: Final = 18
"""The maximum time, as a multiple of an empty frame."""
_MAX_FRAMES: Final = 2.1
"""The maximum 95th percentile of frames, as a multiple of an empty frame: 34 ms if that takes 16.7 ms."""
_MAX_ELEMENTS: Final = 1_500
_MAX_VISIT_BYTES: Final = 60 * 1024
"""The target for the whole page; the tests' limits follow its current size."""
_MEASURE: Final = """
async ({ base, answer }) => {
  const { decode } = await import(`${base}js/flame/graph.js`);
  const { FlameView } = await import(`${base}js/flame/view.js`);
  const frames = async (count, each) => {
    const times = [];
    let before = await new Promise(requestAnimationFrame);
    for (let at = 0; at < count; at += 1) {
      each(at);
      const now = await new Promise(requestAnimationFrame);
      times.push(now - before);
      before = now;
    }
    return times.toSorted((a, b) => a - b);
  };
  const host = document.createElement("div");
  host.className = "pane";
  host.style.height = "760px";
  document.querySelector("main").replaceChildren(host);
  const view = new FlameView({ label: "bench", unit: () => "nanoseconds" });
  host.append(view.element);
  const empty = await frames(60, () => {});
  const start = performance.now();
  view.show(decode(answer));
  view.paint();
  const first = performance.now() - start;
  const { graph } = view;
  const zoom = await frames(90, (at) => {
    if (at % 12 === 0) view.zoomTo(at % 24 ? Math.floor(graph.count * ((at % 7) + 1) / 9) : 0);
  });
  view.zoomTo(0);
  const scroll = await frames(90, (at) => { view.scroller.scrollTop = (at * 97) % Math.max(1, view.scroller.scrollHeight); });
  const p95 = (times) => times[Math.floor(times.length * 0.95)];
  return { empty: empty[30], first, zoom: p95(zoom), scroll: p95(scroll) };
}
"""
"""Draws a graph with the page's modules and returns times in ms."""


def measure(plan: Plan) -> Sequence[Line]:
    """Return lines for each size, or a hint if there is no Chromium."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        return [Line(what="the web page", ours="not measured: needs Chromium")]
    sizes = dict([*_SIZES.items(), _DEEP][: 1 if plan == QUICK else None])
    with local_server() as running, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        page = chromium.new_page(viewport={"width": 1440, "height": 900})
        lines = [
            line for what, size in sizes.items() for line in _drawn(page, running.url, what, _answer(*size))
        ]
        lines.append(_elements(page, running.url))
        lines += _wire(chromium, running.url)
        chromium.close()
    return lines


def _drawn(page: Page, url: str, what: str, answer: dict[str, Any]) -> list[Line]:
    page.goto(url)
    # The page renders itself when it opens, and would replace anything drawn earlier.
    page.locator("main > .page").wait_for(state="attached")
    version = re.search(r"ui/(\w+)/", page.content())
    base = f"/ui/{version[1] if version else ''}/"
    found = page.evaluate(_MEASURE, {"base": base, "answer": answer})
    empty = found["empty"]
    beside = f"empty frame {empty:.1f} ms"
    limit = None if what == _LARGEST else _MAX_FRAMES
    parts = [
        ("first paint after the response", found["first"], 0, _MAX_FIRST_PAINT),
        ("zooming, 95th percentile of frames", found["zoom"], 1, limit),
        ("scrolling, 95th percentile of frames", found["scroll"], 1, limit),
    ]
    return [
        Line(
            what=f"{what}: {part}",
            ours=f"{time_ms:.{digits}f} ms",
            beside=beside,
            figure=time_ms / empty,
            at_most=at_most,
        )
        for part, time_ms, digits, at_most in parts
    ]


def _elements(page: Page, url: str) -> Line:
    """Count the page's elements when it shows a large flame graph."""
    answer = json.dumps({"flamegraph": _answer(16_384, 81)})

    def fulfil(route: Route) -> None:
        route.fulfill(status=200, content_type="application/json", body=answer)

    page.route(re.compile("SelectMergeStacktraces"), fulfil)
    page.goto(f"{url}/?page=single&query={_QUERY}")
    page.get_by_role("tree").first.get_by_role("treeitem").first.wait_for(state="attached")
    count = page.evaluate("document.querySelectorAll('*').length")
    return Line(
        what="16,384 nodes: elements of the page", ours=f"{count}", figure=count, at_most=_MAX_ELEMENTS
    )


def _wire(browser: Browser, url: str) -> list[Line]:
    """Measure the files that first visits to the opening page and to a flame graph with its timeline transfer."""
    httpx.post(f"{url}/ingest?name=bench", content=b"main;work 1").raise_for_status()
    opening = _visit(browser, url, "table.services")
    flame = _visit(browser, f"{url}/?page=single&query={_QUERY}", ".uplot canvas")
    drawn, files = flame.size(timeline=False), flame.count(timeline=False)
    return [
        _wire_line("the opening page: first visit", opening.size(), opening.count(), MAX_OPENING_BYTES),
        _wire_line("a flame graph: first visit, until it is drawn", drawn, files, MAX_PICTURE_BYTES),
        _wire_line("a flame graph: the whole visit", flame.size(), flame.count(), _MAX_VISIT_BYTES),
    ]


def _visit(browser: Browser, url: str, last: str) -> Transfer:
    """Return what a first visit transfers until the element `last` exists."""
    answer = json.dumps({"flamegraph": _answer(100, 10)})
    page = browser.new_context().new_page()
    page.route(
        re.compile("SelectMergeStacktraces"),
        lambda route: route.fulfill(status=200, content_type="application/json", body=answer),
    )
    transfer = Transfer(page)
    page.goto(url)
    page.locator(last).first.wait_for(state="attached")
    return transfer


def _wire_line(what: str, size: int, files: int, at_most: int) -> Line:
    return Line(
        what=what, ours=f"{size / 1024:.1f} KiB", beside=f"{files} files", figure=size, at_most=at_most
    )


def _answer(nodes: int, depth: int) -> dict[str, Any]:
    """Return a flame graph with this many nodes and levels, in the JSON of SelectMergeStacktraces."""
    rng = Random(depth)
    names = [
        "total",
        *(f"github.com/acme/shop/pkg{each % 40}.(*Type{each % 7}).Method{each}" for each in range(2_000)),
    ]
    total = 1 << 40
    rows = [[(0, total)]]
    while len(rows) < depth:
        rows.append(_children(rng, rows[-1], max(1, (nodes - sum(map(len, rows))) // (depth - len(rows)))))
    levels = []
    for row in rows:
        edge, values = 0, []
        for start, width in row:
            values += [start - edge, width, width // 10, rng.randrange(1, len(names))]
            edge = start + width
        levels.append({"values": [str(value) for value in values]})
    return {"names": names, "levels": levels, "total": str(total), "maxSelf": str(total)}


def _children(rng: Random, parents: list[tuple[int, int]], wanted: int) -> list[tuple[int, int]]:
    """Return nodes below the parents, from left to right."""
    chosen = parents if len(parents) <= wanted else sorted(rng.sample(parents, wanted))
    fan = max(1, min(4, round(wanted / len(chosen))))
    return [
        (start + each * (width // fan), max(1, width // fan - 1))
        for start, width in chosen
        for each in range(fan)
        if width > fan
    ] or [parents[0]]
