"""The commands that query a server, run against the local one with the shop's profiles."""

import gzip
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from subprocess import CompletedProcess
from threading import Thread
from typing import Any

import pytest

from flamehouse.pb.profile_pb2 import Profile
from tests.support.queries.queries import new_tenant
from tests.support.queries.shop_data import CART, CART_TOTAL, GOROUTINES, SHOP_TOTAL, Target
from tests.support.servers.command import flamehouse
from tests.support.uploads.profiles import CPU

type Run = Callable[..., CompletedProcess[str]]


@pytest.fixture
def run(local: Target) -> Run:
    """Runs a command against the local server, for the shop's tenant."""

    def run(*arguments: str, **environ: str) -> CompletedProcess[str]:
        tenant = local.data.client.tenant or ""
        named = {"FLAMEHOUSE_URL": local.url, "API_CREDENTIAL": local.credential, "FLAMEHOUSE_TENANT": tenant}
        return flamehouse(*arguments, **{**named, **environ})

    return run


@pytest.fixture
def within(local: Target) -> tuple[str, ...]:
    """The options that select the range of the shop's profiles."""
    return ("--from", str(local.data.start), "--until", str(local.data.end))


def lines_of(done: CompletedProcess[str]) -> list[str]:
    """Returns the lines of a successful command without their padding."""
    assert (done.returncode, done.stderr) == (0, "")
    return [line.rstrip() for line in done.stdout.splitlines()]


def as_json(done: CompletedProcess[str]) -> Any:
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def test_services_are_listed_with_their_profile_types(run: Run, within: tuple[str, ...]) -> None:
    assert lines_of(run("services", *within)) == [
        "service  profile types",
        f"cart     {CPU}",
        f"shop     {GOROUTINES}",
        f"         {CPU}",
    ]
    assert as_json(run("services", "--json", *within)) == [
        {"service": "cart", "types": [CPU]},
        {"service": "shop", "types": sorted([CPU, GOROUTINES])},
    ]


def test_types_lists_the_profile_types_of_a_service(run: Run, within: tuple[str, ...]) -> None:
    assert [one["id"] for one in as_json(run("types", "--json", *within))] == sorted([CPU, GOROUTINES])
    assert lines_of(run("types", "cart", *within))[1:] == [f"{CPU}  cpu          nanoseconds"]


def test_labels_lists_names_or_the_values_of_one_label(run: Run, within: tuple[str, ...]) -> None:
    assert {"env", "service_name"} <= {*lines_of(run("labels", *within))}
    assert lines_of(run("labels", "service_name", *within)) == ["cart", "shop"]
    assert as_json(run("labels", "service_name", "--in", "cart", "--json", *within)) == ["cart"]


def test_series_are_grouped_by_labels(run: Run, within: tuple[str, ...]) -> None:
    lines = lines_of(run("series", "--type", "cpu", "--step", "15m", *within))
    assert lines[0] == f"{CPU}{{}}"
    assert [line.split()[:5] for line in lines[4:]] == [
        ["service_name=shop", f"{SHOP_TOTAL}", "ns", "8", "ns"],
        ["service_name=cart", f"{CART_TOTAL}", "ns", "7", "ns"],
    ]
    assert lines[4].count("█") == 4
    [cart] = as_json(run("series", "cart", "--by", "env", "--step", "15m", "--json", *within))
    assert (cart["labels"], [value for _, value in cart["points"]]) == ({}, [7] * 4)


def test_top_lists_functions_by_their_share(run: Run, within: tuple[str, ...]) -> None:
    lines = lines_of(run("top", "shop", "--type", "process_cpu", *within))
    assert lines[1].endswith(f" UTC, {SHOP_TOTAL} ns in total")
    assert [re.sub(r"\s{2,}", "|", line.strip()) for line in lines[4:]] == [
        "20 ns|62.5%|20 ns|62.5%|search",
        "12 ns|37.5%|12 ns|37.5%|checkout",
        "0 ns|0.0%|32 ns|100.0%|main",
        "0 ns|0.0%|32 ns|100.0%|serve",
    ]
    first = as_json(run("top", "shop", "--type", "cpu", "-n", "1", "--cumulative", "--json", *within))
    assert first == [{"name": "main", "self": 0, "total": SHOP_TOTAL}]


def test_flame_prints_a_tree(run: Run, within: tuple[str, ...]) -> None:
    assert lines_of(run("flame", "shop", "--type", "cpu", *within))[3:] == [
        "    total    share       self",
        "    32 ns   100.0%       0 ns  total",
        "    32 ns   100.0%       0 ns  └─ main",
        "    32 ns   100.0%       0 ns     └─ serve",
        "    20 ns    62.5%      20 ns        ├─ search",
        "    12 ns    37.5%      12 ns        └─ checkout",
    ]
    root = as_json(run("flame", CART, "--json", *within))
    assert (root["total"], root["callees"][0]["callees"][0]["name"]) == (CART_TOTAL, "add")


def test_diff_compares_two_services(run: Run, within: tuple[str, ...]) -> None:
    lines = lines_of(run("diff", "shop", "--against", "cart", "--type", "cpu", *within))
    assert lines[5:] == [
        "     left      right     change",
        "    28 ns      32 ns    +0.0 pp  total",
        "    28 ns      32 ns    +0.0 pp  └─ main",
        "    28 ns       0 ns  -100.0 pp     ├─ add",
        "     0 ns      32 ns  +100.0 pp     └─ serve",
        "     0 ns      20 ns   +62.5 pp        ├─ search",
        "     0 ns      12 ns   +37.5 pp        └─ checkout",
    ]


def test_diff_compares_with_the_previous_range(run: Run, local: Target) -> None:
    middle, end = str(local.data.start + 1_800_000), str(local.data.end)
    root = as_json(run("diff", "cart", "--json", "--from", middle, "--until", end))
    assert (root["left"]["total"], root["right"]["total"]) == (CART_TOTAL // 2, CART_TOTAL // 2)


def test_pprof_saves_a_file_that_upload_can_send(run: Run, within: tuple[str, ...], tmp_path: Path) -> None:
    file = tmp_path / "shop.pb.gz"
    lines_of(run("pprof", "shop", "--type", "cpu", "-o", str(file), *within))
    profile = Profile.FromString(gzip.decompress(file.read_bytes()))
    assert sum(sample.value[0] for sample in profile.sample) == SHOP_TOTAL
    tenant = new_tenant()
    assert lines_of(run("upload", str(file), "--name", "again", FLAMEHOUSE_TENANT=tenant)) == [
        f"{file}: stored"
    ]
    root = as_json(run("flame", "again", "--from", "1d", "--json", FLAMEHOUSE_TENANT=tenant))
    assert root["total"] == SHOP_TOTAL


def test_upload_continues_after_a_rejected_file(run: Run, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.collapsed", tmp_path / "bad.pprof"
    good.write_text("main;work 3\n")
    bad.write_bytes(b"\xff\xff")
    tenant = {"FLAMEHOUSE_TENANT": new_tenant()}
    done = run("upload", str(bad), str(good), "--name", "files", "--at", "1m", **tenant)
    assert (done.returncode, done.stdout) == (1, f"{good}: stored\n")
    rejected, summary = done.stderr.splitlines()
    assert rejected.startswith(f"flamehouse: {bad}: ")
    assert summary == "flamehouse: 1 of 2 files were not stored"
    assert as_json(run("labels", "service_name", "--json", **tenant)) == ["files"]


def test_tail_ends_after_its_lines_even_if_they_arrive_late(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "new.collapsed"
    file.write_text("main;work 3\n")
    tenant = {"FLAMEHOUSE_TENANT": new_tenant()}
    for name in ("first", "second"):
        lines_of(run("upload", str(file), "--name", name, "--at", "60s", **tenant))
    # `tail` starts two minutes ago, so its first steps have no profiles.
    [line] = lines_of(run("tail", "--every", "5s", "--lines", "1", **tenant))
    assert line.endswith("30.00 ms  service_name=first")


def test_tail_prints_a_line_for_each_series_and_step(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "new.collapsed"
    file.write_text("main;work 3\n")
    tenant = {"FLAMEHOUSE_TENANT": new_tenant()}
    lines_of(run("upload", str(file), "--name", "tailed", "--at", "60s", **tenant))
    lines = lines_of(run("tail", "--every", "5s", "--lines", "1", "--json", **tenant))
    assert [json.loads(line) for line in lines] == [
        {
            "time": pytest.approx(int(json.loads(lines[0])["time"])),
            "labels": {"service_name": "tailed"},
            "total": 30_000_000,
        }
    ]


@contextmanager
def other_server(status: int, body: bytes) -> Iterator[str]:
    """Runs a server that sends this reply to every request; yields its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


COMMANDS = (("services",), ("types",), ("labels",), ("series",), ("top",), ("flame",), ("diff",), ("pprof",))


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_missing_profiles_are_reported_in_one_line(
    run: Run, command: tuple[str, ...], tmp_path: Path
) -> None:
    output = ("-o", str(tmp_path / "none")) if command == ("pprof",) else ()
    done = run(*command, *output, FLAMEHOUSE_TENANT=new_tenant())
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert re.match(r"flamehouse: no ", done.stderr)


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"FLAMEHOUSE_URL": "http://127.0.0.1:1"}, "no server responds at http://127.0.0.1:1 ("),
        ({"FLAMEHOUSE_URL": "localhost:4040"}, "invalid URL 'localhost:4040': use http://HOST:PORT"),
        ({"FLAMEHOUSE_URL": "http://"}, "invalid URL 'http:'"),
        (
            {"FLAMEHOUSE_URL": "http://b\u00fccher..example"},
            "invalid URL 'http://b\u00fccher..example': use http://HOST",
        ),
        ({"API_CREDENTIAL": "p\u00f6ny"}, "--credential, --user and --tenant must be ASCII"),
        ({"FLAMEHOUSE_TENANT": "p\u00f6ny"}, "--credential, --user and --tenant must be ASCII"),
        ({"API_CREDENTIAL": ""}, "; check --credential (API_CREDENTIAL)"),
        ({"API_CREDENTIAL": "pony", "FLAMEHOUSE_USER": "me"}, "returned 401: "),
    ],
)
def test_a_server_that_cannot_be_queried_is_reported_in_one_line(
    run: Run, environ: dict[str, str], words: str
) -> None:
    done = run("top", **environ)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert words in done.stderr
    assert "pony" not in done.stderr


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (200, b"<html>", "does not speak Pyroscope's API: check the URL"),
        (200, b'{"labelsSet": 5}', "does not speak Pyroscope's API: check the URL"),
        (404, b"not found", "returned 404: the server does not speak Pyroscope's API: check the URL"),
        (302, b"", "returned 302: the server does not speak Pyroscope's API: check the URL"),
        (503, b"", "returned 503: Service Unavailable"),
        (400, b'{"code": "invalid_argument", "message": "no such thing"}', "returned 400: no such thing"),
    ],
)
def test_another_kind_of_server_is_reported_in_one_line(status: int, body: bytes, words: str) -> None:
    with other_server(status, body) as url:
        done = flamehouse("top", FLAMEHOUSE_URL=url)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert words in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("top", "--from", "soon"), "invalid time 'soon': use 1h (ago)"),
        (("top", "--from", "now", "--until", "1h"), "the range from now until 1h is empty"),
        (("series", "--step", "0s"), "invalid duration '0s': use 15s"),
        (("diff", "--left-until", "1h"), "--left-until needs --left-from"),
        (("upload", "/nowhere", "--name", "x"), "does not exist"),
        (("tip",), "No such command 'tip'"),
    ],
)
def test_a_wrong_command_line_is_explained(run: Run, arguments: tuple[str, ...], words: str) -> None:
    done = run(*arguments, FLAMEHOUSE_TENANT=new_tenant())
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_several_types_with_the_same_name_are_listed(run: Run, within: tuple[str, ...]) -> None:
    done = run("top", "--type", "heap", *within)
    assert done.returncode == 1
    assert "unknown profile type 'heap'; set --type to one of: " in done.stderr
    assert {CPU, GOROUTINES} <= {*re.split(r"[ ,\n]+", done.stderr)}
