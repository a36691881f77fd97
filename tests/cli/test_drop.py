"""`flamehouse drop`, and files that are copied into the local server's folder of drops."""

import gzip
import json
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest

from tests.support.servers.command import flamehouse
from tests.support.servers.local_server import LocalServer, running
from tests.support.uploads.profiles import pprof_of, sample

WAIT_S = 60


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def server(data: Path) -> Iterator[LocalServer]:
    with running(data) as started:
        yield started


def totals(server: LocalServer, tenant: str) -> Mapping[str, int]:
    """Returns the total of each service."""
    now_ms = time.time_ns() // 1_000_000
    within = {"start": now_ms - 7_200_000, "end": now_ms + 60_000}
    url, headers = f"{server.url}/querier.v1.QuerierService", {"X-Scope-OrgID": tenant}
    found = httpx.post(f"{url}/LabelValues", json={"name": "service_name", **within}, headers=headers).json()
    sums = {}
    for service in found.get("names", []):
        query = {
            "labelSelector": f"{{service_name={json.dumps(service, ensure_ascii=False)}}}",
            "profileTypeID": "process_cpu:cpu:nanoseconds:cpu:nanoseconds",
            **within,
        }
        answer = httpx.post(f"{url}/SelectMergeStacktraces", json=query, headers=headers).json()
        sums[service] = int(answer["flamegraph"].get("total", 0))
    return sums


def until(server: LocalServer, tenant: str, services: set[str]) -> Mapping[str, int]:
    """Waits until exactly these services are stored; returns their totals."""
    until_s = time.monotonic() + WAIT_S
    while (found := totals(server, tenant)).keys() != services and time.monotonic() < until_s:
        time.sleep(0.2)
    return found


def cpu(value: int) -> bytes:
    return pprof_of(
        [sample(["main", "work"], value)], time_ms=time.time_ns() // 1_000_000
    ).SerializeToString()


def test_a_copied_file_becomes_a_flame_graph(server: LocalServer, data: Path) -> None:
    folder = data / "drops/me/checkout"
    folder.mkdir(parents=True)
    (folder / "cpu.pprof").write_bytes(gzip.compress(cpu(7)))
    (folder / ".cpu.pprof.x7").write_bytes(b"a draft of rsync")
    assert until(server, "me", {"checkout"}) == {"checkout": 7}
    # The same content changes nothing; other content adds to it.
    (folder / "again.pprof").write_bytes((folder / "cpu.pprof").read_bytes())
    (data / "drops/me/cart.pprof").write_bytes(cpu(5))
    assert until(server, "me", {"cart", "checkout"}) == {"cart": 5, "checkout": 7}
    assert (folder / "cpu.pprof").exists()


def test_a_file_that_is_still_being_written_is_not_read(server: LocalServer, data: Path) -> None:
    content = cpu(3)
    file = data / "drops/slow/shop/cpu.pprof"
    file.parent.mkdir(parents=True)
    with file.open("wb") as opened:
        for byte in (content[:9], content[9:20]):
            opened.write(byte)
            opened.flush()
            time.sleep(1.2)
            assert file.exists()
        opened.write(content[20:])
    assert until(server, "slow", {"shop"}) == {"shop": 3}
    assert not (data / "quarantine/drops/slow").exists()


def test_a_file_that_is_not_a_profile_is_quarantined_with_its_reason(server: LocalServer, data: Path) -> None:
    file = data / "drops/odd/shop/cpu.pprof"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"\x1f\x8bnot gzip")
    moved = data / "quarantine/drops/odd/shop/cpu.pprof"
    until_s = time.monotonic() + WAIT_S
    while (file.exists() or not moved.exists()) and time.monotonic() < until_s:
        time.sleep(0.2)
    assert moved.read_bytes() == b"\x1f\x8bnot gzip"
    assert (
        json.loads(moved.with_name("cpu.pprof.reason.json").read_text())["key"] == "drops/odd/shop/cpu.pprof"
    )
    assert totals(server, "odd") == {}


def test_drop_shows_the_profiles_of_a_file_and_puts_it_into_the_folder(
    server: LocalServer, data: Path, tmp_path: Path
) -> None:
    file = tmp_path / "stacks.txt"
    file.write_text("main;work 3\nmain;rest 4\n")
    an_hour_ago = int(time.time()) - 3_000
    os.utime(file, (an_hour_ago, an_hour_ago))
    arguments = ("drop", str(file), "--service", "käse", "--label", "région=eu", "--tenant", "tester")
    checked = flamehouse(*arguments)
    assert (checked.returncode, checked.stderr) == (0, "")
    first, second = checked.stdout.splitlines()
    assert first == f"{file}: groups, tenant tester"
    at = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(an_hour_ago))
    assert second.startswith(f"  {at} UTC  process_cpu:cpu:nanoseconds:cpu:nanoseconds  {{")
    assert 'région="eu"' in second
    assert second.endswith("2 stacks, total 70,000,000")
    assert not (data / "drops/tester").exists()
    put = flamehouse(*arguments, "--to", str(data))
    assert put.stdout.endswith("  put as drops/tester/käse/stacks.txt\n")
    assert until(server, "tester", {"käse"}) == {"käse": 70_000_000}


def test_drop_reports_a_file_that_cannot_be_stored(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.txt", tmp_path / "bad.pprof"
    good.write_text("main;work 3\n")
    bad.write_bytes(b"\x1f\x8bnot gzip")
    run = flamehouse("drop", str(bad), str(good), "--to", str(tmp_path / "blobs"))
    assert run.returncode == 1
    assert run.stderr.startswith(f"flamehouse: {bad}: ")
    assert run.stderr.endswith("flamehouse: 1 of 2 files cannot be stored\n")
    assert "  put as drops/anonymous/good.txt\n" in run.stdout
    assert not (tmp_path / "blobs/drops/anonymous/bad.pprof").exists()
    labels = flamehouse("drop", str(good), "--label", "region")
    assert (labels.returncode, "invalid labels 'region'" in labels.stderr) == (1, True)
