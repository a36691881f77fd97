"""The page's controls: each does what its name says and writes the URL, and a reload shows the same."""

import json
import re
import subprocess
from urllib.parse import quote

import pytest
from playwright.sync_api import Download, Locator, Page, expect

from flamehouse.pb.profile_pb2 import Profile
from tests.ui.profiles import TYPE, Filled
from tests.ui.steps import SINGLE, flame, parameters, stacks

DIFF = SINGLE.replace("page=single", "page=diff")
HOUR_MS = 3_600_000


def clipboard(page: Page) -> str:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    text: str = page.evaluate("navigator.clipboard.readText()")
    return text


def functions(page: Page) -> Locator:
    return page.get_by_role("table", name="Functions")


@pytest.mark.parametrize(
    ("view", "has_graph", "has_table"),
    [("Flame graph", True, False), ("Table", False, True), ("Both", True, True)],
)
def test_a_view_shows_the_same_parts_after_a_reload(
    page: Page, view: str, has_graph: bool, has_table: bool
) -> None:
    page.goto(SINGLE)
    flame(page)
    page.get_by_role("group", name="View").get_by_role("button", name=view).click()
    for _ in range(2):
        expect(page.locator(".flame-side")).to_be_visible(visible=has_graph)
        expect(functions(page)).to_be_visible(visible=has_table)
        page.reload()


def test_the_width_of_the_table_follows_keys_and_pointer_and_is_remembered(page: Page) -> None:
    page.goto(SINGLE)
    bar = page.get_by_role("separator", name="Width of the table")
    expect(bar).to_have_attribute("aria-valuenow", "34")
    bar.focus()
    page.keyboard.press("ArrowRight")
    expect(bar).to_have_attribute("aria-valuenow", "36")
    flame(page)
    box = bar.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + 200, box["y"] + 40, steps=4)
    page.mouse.up()
    width = bar.get_attribute("aria-valuenow")
    assert width is not None
    assert int(width) > 40
    page.reload()
    expect(bar).to_have_attribute("aria-valuenow", width)


@pytest.mark.parametrize(("button", "name"), [("Flip", "flip"), ("Fold recursion", "fold")])
def test_a_switch_is_in_the_url_and_survives_a_reload(page: Page, button: str, name: str) -> None:
    page.goto(SINGLE)
    flame(page)
    switch = page.get_by_role("button", name=button)
    switch.click()
    expect(switch).to_have_attribute("aria-pressed", "true")
    assert parameters(page)[name] == "1"
    page.reload()
    expect(switch).to_have_attribute("aria-pressed", "true")
    switch.click()
    expect(switch).to_have_attribute("aria-pressed", "false")
    assert name not in parameters(page)


def test_flipped_and_recoloured_graphs_are_drawn_differently(page: Page) -> None:
    page.goto(SINGLE)
    flame(page)
    canvas = page.locator(".flame-side canvas").first
    pictures = [canvas.screenshot()]
    page.get_by_role("button", name="Flip").click()
    pictures.append(next_picture(page, canvas, pictures))
    page.get_by_label("Colour").select_option("value")
    assert parameters(page)["colour"] == "value"
    pictures.append(next_picture(page, canvas, pictures))


def next_picture(page: Page, canvas: Locator, before: list[bytes]) -> bytes:
    """Returns a picture that differs from all previous ones: drawing waits for the browser's next frame."""
    for _ in range(50):
        picture = canvas.screenshot()
        if picture not in before:
            return picture
        page.wait_for_timeout(100)
    raise AssertionError("the picture is one of those before")


def test_name_and_path_of_a_frame_are_copied(page: Page) -> None:
    page.goto(SINGLE)
    flame(page)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.get_by_role("button", name="Copy name").click()
    expect(page.get_by_text("Copied the name")).to_be_visible()
    assert clipboard(page) == "net/http.(*conn).serve"
    page.get_by_role("button", name="Copy path").click()
    expect(page.get_by_text("Copied the path")).to_be_visible()
    assert clipboard(page) == "main.main;net/http.(*conn).serve"


@pytest.mark.parametrize(
    ("search", "matched"),
    [("runtime", "2 frames"), ("/Marshal$/", "1 frame"), ("/[/", None)],
)
def test_search_finds_text_and_regular_expressions_and_reports_invalid_ones(
    page: Page, search: str, matched: str | None
) -> None:
    page.goto(SINGLE)
    flame(page)
    page.get_by_role("searchbox", name="Search functions").fill(search)
    if matched is None:
        expect(page.get_by_role("alert")).to_have_text("Invalid regular expression")
    else:
        expect(page.locator(".matched")).to_contain_text(matched)


@pytest.mark.parametrize(
    ("column", "order", "first"),
    [
        ("Self", "descending", "database/sql"),
        ("Self", "ascending", "main.main"),
        ("Total", "descending", "main.main"),
        ("Total", "ascending", "gcBgMarkWorker"),
        ("Function", "ascending", "database/sql"),
        ("Function", "descending", "runtime.gcDrain"),
    ],
)
def test_the_table_sorts_by_each_column_both_ways(page: Page, column: str, order: str, first: str) -> None:
    page.goto(SINGLE)
    flame(page)
    heading = functions(page).get_by_role("columnheader", name=column)
    for _ in range(2):
        heading.get_by_role("button").click()
        if heading.get_attribute("aria-sort") == order:
            break
    for _ in range(2):
        expect(heading).to_have_attribute("aria-sort", order)
        expect(functions(page).locator("tbody tr:not(.gap)").first).to_contain_text(first)
        page.reload()


@pytest.mark.parametrize("column", ["Change", "Relative"])
def test_a_diff_sorts_by_absolute_and_by_relative_change(page: Page, column: str) -> None:
    page.goto(DIFF)
    flame(page, "Flame graph of the difference")
    heading = functions(page).get_by_role("columnheader", name=column)
    if heading.get_attribute("aria-sort") != "descending":
        heading.get_by_role("button").click()
    expect(heading).to_have_attribute("aria-sort", "descending")
    # JSON takes twice as much in the later half; nothing else increased.
    expect(functions(page).locator("tbody tr:not(.gap)").first).to_contain_text("Marshal")


@pytest.mark.parametrize(
    ("baseline", "hours"), [("hour", 1), ("day", 24), ("week", 168), ("same", 0), ("halves", None)]
)
def test_a_baseline_sets_the_range_of_the_left_side(page: Page, baseline: str, hours: int | None) -> None:
    page.goto(f"{DIFF}&from=1795000000000&until=1795003600000".replace("from=now-3h&", ""))
    page.get_by_role("combobox", name="Baseline").select_option(baseline)
    if hours is None:
        assert "leftFrom" not in parameters(page)
        return
    found = parameters(page)
    assert int(found["rightFrom"]) - int(found["leftFrom"]) == hours * HOUR_MS
    assert int(found["rightUntil"]) - int(found["leftUntil"]) == hours * HOUR_MS


def test_swap_exchanges_the_two_sides(page: Page) -> None:
    queries = [f'{TYPE}{{service_name="checkout", region="{region}"}}' for region in ("eu", "us")]
    page.goto(
        f"/?page=diff&query={quote(queries[0])}&leftQuery={quote(queries[0])}&rightQuery={quote(queries[1])}"
        "&leftFrom=now-2h&leftUntil=now-1h&rightFrom=now-1h&rightUntil=now"
    )
    flame(page, "Flame graph of the difference")
    page.get_by_role("button", name="Swap sides").click()
    found = parameters(page)
    assert [found["leftQuery"], found["rightQuery"]] == queries[::-1]
    assert [found["leftFrom"], found["rightFrom"], found["rightUntil"]] == ["now-1h", "now-2h", "now-1h"]


def test_a_drag_on_the_timeline_selects_a_range_and_back_undoes_it(page: Page) -> None:
    page.goto(SINGLE)
    flame(page)
    plot = page.locator(".timeline .u-over")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + 20, steps=5)
    page.mouse.up()
    page.wait_for_url(re.compile(r"from=\d+"))
    found = parameters(page)
    assert int(found["until"]) - int(found["from"]) == pytest.approx(0.2 * 3 * HOUR_MS, rel=0.05)
    page.go_back()
    assert parameters(page)["from"] == "now-3h"


def test_keys_select_a_range_of_the_timeline(page: Page) -> None:
    page.goto(SINGLE)
    flame(page)
    page.get_by_role("figure").first.focus()
    for key in ("End", "Shift+ArrowLeft", "Shift+ArrowLeft", "Enter"):
        page.keyboard.press(key)
    page.wait_for_url(re.compile(r"from=\d+"))
    found = parameters(page)
    assert 0 < int(found["until"]) - int(found["from"]) < HOUR_MS


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        ("now-90m", "now-90m"),
        ("1795000000000", "1795000000000"),
        ("2026-11-22 20:30", re.compile(r"\d{13}")),
        ("yesterday-ish", None),
    ],
)
def test_typed_times_are_applied_and_invalid_ones_are_reported(
    page: Page, start: str, expected: str | re.Pattern[str] | None
) -> None:
    page.goto(SINGLE)
    flame(page)
    page.locator(".query-bar .time-menu summary").click()
    page.get_by_label("From", exact=True).fill(start)
    page.get_by_role("button", name="Apply").click()
    if expected is None:
        expect(page.locator(".toast")).to_contain_text("yesterday-ish")
        assert parameters(page)["from"] == "now-3h"
    else:
        assert re.fullmatch(expected, parameters(page)["from"])


def export(page: Page, name: str) -> Download:
    page.locator(".export-menu summary").click()
    with page.expect_download() as download:
        page.get_by_role("button", name=name).click()
    return download.value


def test_exports_contain_what_the_flame_graph_shows(page: Page) -> None:
    page.goto(SINGLE)
    with page.expect_response(re.compile("SelectMergeStacktraces")) as answered:
        page.get_by_role("button", name="Refresh").click()
    flame(page)
    shown = answered.value.json()["flamegraph"]
    saved = export(page, "Download JSON")
    assert json.loads(saved.path().read_text()) == shown
    lines = export(page, "Download collapsed stacks").path().read_text().splitlines()
    assert sum(int(line.rpartition(" ")[2]) for line in lines) == int(shown["total"])
    assert any(line.startswith("main.main;net/http.(*conn).serve;") for line in lines)
    picture = export(page, "Download PNG").path().read_bytes()
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    width = int.from_bytes(picture[16:20])
    assert width >= 640


def test_copied_curl_command_fetches_the_pprof(page: Page, filled: Filled) -> None:
    page.goto(SINGLE)
    flame(page)
    page.locator(".export-menu summary").click()
    page.get_by_role("button", name="Copy curl command").click()
    expect(page.locator(".toast")).to_have_text("Copied the command")
    command = clipboard(page)
    url = command.rpartition(" ")[2].strip("'")
    assert url.startswith(f"{filled.url}/pyroscope/render?")
    fetched = subprocess.run(  # noqa: S602  # a shell, as the person has who pastes it
        re.sub(r"--output \S+", "--silent", command), shell=True, capture_output=True, check=True
    ).stdout
    assert sum(stacks(Profile.FromString(fetched)).values()) > 0


def test_copied_pprof_command_and_link_name_this_selection(page: Page, filled: Filled) -> None:
    page.goto(SINGLE)
    flame(page)
    for item, copied, start in (
        ("Copy go tool pprof command", "the command", f"go tool pprof '{filled.url}/pyroscope/render?query="),
        ("Copy link to this view", "the link", page.url),
    ):
        page.locator(".export-menu summary").click()
        page.get_by_role("button", name=item).click()
        expect(page.get_by_text(f"Copied {copied}")).to_be_visible()
        assert clipboard(page).startswith(start)


def test_a_hidden_tab_sends_nothing_and_says_why(page: Page) -> None:
    page.clock.install()
    page.goto(SINGLE)
    flame(page)
    page.get_by_label("Live").select_option("5")
    assert parameters(page)["refresh"] == "5"
    page.evaluate("Object.defineProperty(document, 'hidden', { configurable: true, get: () => true })")
    page.clock.run_for(2_000)
    expect(page.locator(".paused")).to_have_text("paused: tab hidden")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    page.clock.run_for(30_000)
    assert sent == []
    page.evaluate("delete document.hidden")
    with page.expect_request(re.compile("SelectMergeStacktraces")):
        page.clock.run_for(7_000)


def test_a_tag_filters_with_one_click(page: Page) -> None:
    page.goto(SINGLE.replace("page=single", "page=tags") + "&groupBy=region")
    page.get_by_role("button", name="Flame graph of region us").click()
    flame(page)
    assert parameters(page)["query"] == f'{TYPE}{{service_name="checkout", region="us"}}'


def test_tags_beyond_the_tenth_share_one_row(page: Page) -> None:
    page.goto(f"/?page=tags&from=now-3h&query={quote(TYPE + '{service_name="scattered"}')}&groupBy=pod")
    rows = page.get_by_role("table", name="Values of pod").locator("tbody tr")
    expect(rows).to_have_count(11)
    # The largest first; the values of pods 0 to 2 are the smallest: 1 + 2 + 3 samples of 10 ms.
    expect(rows.first).to_contain_text("pod-12")
    expect(rows.last).to_contain_text("the rest (3 others)")
    expect(rows.last).to_contain_text("60 ms")
