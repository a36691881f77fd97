"""The real Python SDK and the demo, each in its own process, against the local server as `make run` starts it."""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from google.protobuf import json_format

from cli.server import Server
from cli.tree import Frame, every_frame, tree_of
from flamehouse.pb.querier_pb2 import FlameGraph
from tests.support.servers.client import Client
from tools.live import variables
from tools.local_server import local_server

REPO = Path(__file__).resolve().parent.parent.parent
PROGRAM = REPO / "tools/live_python/program.py"
CPU = "process_cpu:cpu:nanoseconds:cpu:nanoseconds"
TENANT = "live"
UTF8_NAMES = {"Accept": "*/*;allow-utf8-labelnames=true"}
ROW = re.compile(r" *([\d.]+) s +([\d.]+)% +([\d.]+) s  ([│├└─ ]*)(\S+)")
DEMO_S = 2.0


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with local_server() as server:
        yield server.url


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run of the program, and a client of its tenant."""

    client: Client
    within: dict[str, int]

    def tree(self, selector: str) -> Frame:
        request = {"profileTypeID": CPU, "labelSelector": selector, **self.within}
        response = self.client.rpc("SelectMergeStacktraces", request)
        return tree_of(json_format.ParseDict(response["flamegraph"], FlameGraph()))

    def label_values(self, name: str) -> list[str]:
        values: list[str] = self.client.rpc("LabelValues", {"name": name, **self.within})["names"]
        return values


@pytest.fixture(scope="module")
def run(url: str) -> Run:
    start = time.time_ns() // 1_000_000
    server = Server(url=url, credential="unasked", tenant=TENANT)
    environ = {**os.environ, **variables(server, "live.python")}
    subprocess.run([sys.executable, PROGRAM], env=environ, check=True)
    within = {"start": start, "end": time.time_ns() // 1_000_000}
    return Run(client=Client(server=url, tenant=TENANT), within=within)


@pytest.mark.parametrize(
    ("selector", "function"),
    [
        ('{service_name="live.python"}', "find_primes"),
        ('{endpoint="primes"}', "find_primes"),
        ('{endpoint="sums", region="eu"}', "add_up"),
    ],
)
def test_the_function_that_burns_the_cpu_leads_the_flame_graph(
    run: Run, selector: str, function: str
) -> None:
    root = run.tree(selector)
    hottest = max(every_frame(root), key=lambda frame: frame.self_value)
    assert (hottest.name, hottest.self_value > root.total / 2) == (function, True)


def test_a_label_selects_its_part_of_the_whole(run: Run) -> None:
    parts = [run.tree(f'{{endpoint="{endpoint}"}}').total for endpoint in ("primes", "sums")]
    assert 0 < parts[1] < parts[0] <= sum(parts) <= run.tree("{}").total


def test_the_profile_type_is_the_one_the_sdk_was_set_to(run: Run) -> None:
    types = run.client.rpc("ProfileTypes", run.within)["profileTypes"]
    assert [each["ID"] for each in types] == [CPU]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("service_name", ["live.python"]),
        ("region", ["eu"]),
        ("endpoint", ["primes", "sums"]),
        ("otel.scope.name", ["com.grafana.pyroscope/python"]),
    ],
)
def test_labels_are_those_the_program_set(run: Run, name: str, values: list[str]) -> None:
    assert name in run.client.rpc("LabelNames", run.within, UTF8_NAMES)["names"]
    assert run.label_values(name) == values


def test_another_tenant_sees_none_of_the_profiles(run: Run, url: str) -> None:
    assert Client(server=url, tenant="other").rpc("ProfileTypes", run.within) == {}


def demo(**environ: str) -> subprocess.CompletedProcess[str]:
    """Runs the demo as `make demo` does."""
    return subprocess.run(
        [sys.executable, "-m", "tools.demo", "--seconds", str(DEMO_S)],
        cwd=REPO,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_demo_prints_the_profile_as_a_tree(url: str) -> None:
    done = demo(FLAMEHOUSE_URL=url)
    assert (done.returncode, done.stderr) == (0, "")
    rows = [row.groups() for line in done.stdout.splitlines() if (row := ROW.fullmatch(line))]
    total, share, self_, branches, name = rows[0]
    assert (name, share, self_, branches) == ("total", "100.0", "0.00", "")
    assert DEMO_S / 4 < float(total) < DEMO_S * 2
    below = [row[4] for row in rows]
    assert {"serve", "search", "recommend", "checkout", "likeness", "checksum"} < set(below)
    assert below[below.index("search") + 1] == "edit_distance"
    assert max(rows, key=lambda row: float(row[2]))[4] == "edit_distance"


def test_the_demo_finds_the_server_with_its_port_and_credential() -> None:
    with local_server(API_CREDENTIAL="horse") as server:
        done = demo(PORT=str(urlsplit(server.url).port), API_CREDENTIAL="horse")
    assert (done.returncode, done.stderr) == (0, "")
    assert "edit_distance" in done.stdout


def test_the_demo_reports_a_wrong_credential_at_once() -> None:
    with local_server(API_CREDENTIAL="horse") as server:
        done = demo(FLAMEHOUSE_URL=server.url, API_CREDENTIAL="pony")
    assert (done.returncode, done.stdout) == (1, "")
    assert "returned 401: the credential is missing or wrong" in done.stderr
    assert done.stderr.endswith("; check --credential (API_CREDENTIAL)\n")


def test_the_demo_reports_a_missing_server_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    done = demo(FLAMEHOUSE_URL=url)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"demo: no server responds at {url} (")
    assert done.stderr.endswith("; start one with: flamehouse serve (or make run), or set --url\n")
    assert done.stderr.count("\n") == 1
