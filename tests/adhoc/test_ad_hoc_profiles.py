"""Ad hoc profiles from upload to flame graph: every format, listing, tenants and retention."""

import gzip
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from adhoc.profile_id import ProfileId
from all_in_one import create_app
from flamehouse.services import Services
from flamehouse.settings import Settings
from tests.support.queries.oracle import Stack
from tests.support.queries.queries import new_tenant
from tests.support.servers.client import Client
from tests.support.servers.doubles import CannedStore
from tests.support.uploads import files
from tests.support.uploads.adhoc_files import AdHoc
from tests.support.uploads.adhoc_server import STACKS, adhoc_on, drawn, exported, flamebearer, pprof
from tests.support.uploads.jfr_recordings import recording
from tests.support.uploads.jfr_recordings import sample as sample_of_jfr
from tests.support.uploads.profiles import pprof_of, sample

COLLAPSED = b"main;a;b 3\nmain;a 1\r\n\nmain;c 2\nidle 4\n"
MAIN = "P12;T0:77;/app/my app.py:main:3"
CPUPROFILE = (
    b'{"nodes":[{"id":1,"callFrame":{"functionName":"(root)"},"children":[2]},'
    b'{"id":2,"callFrame":{"functionName":"main"}}],"startTime":0,"endTime":20,"samples":[2,2],"timeDeltas":[10,10]}'
)
PERF_HEADER = b"\xef\xbb\xbf# ========\n# cmdline : /usr/bin/perf record -F 99 -g -a \n# ========\n#\n"
PERF = b"""\
main 1234/1235 [000] 77.123456:     250000 cpu-clock:pppH:
\t    55d0c0a6 b+0x12 (/usr/bin/my main)
\tffffffff81a0 a (inlined) (/tmp/my map (deleted))

main  1234 77.223456: cycles:
            55d0c0a6 b+0x12 (/usr/bin/main)

"""


def stacks_of(flame: dict[str, Any]) -> list[tuple[list[str], int]]:
    """Returns the stacks of a flame graph with a self value, sorted."""
    above: list[tuple[int, int, list[str]]] = []
    found = []
    for depth, level in enumerate(flame["levels"]):
        bars, end = [], 0
        for offset, total, self_, name in zip(*[iter(level)] * 4, strict=True):
            start, end = end + offset, end + offset + total
            callers = [names for left, right, names in above if left <= start and end <= right]
            names = [*callers[0], flame["names"][name]] if depth else []
            bars.append((start, end, names))
            found += [(names, self_)] if self_ else []
        above = bars
    return sorted(found)


def perf_stacks() -> Sequence[Stack]:
    return ((("main", "a (inlined)", "b+0x12"), 1), (("main", "b+0x12"), 1))


@pytest.mark.parametrize("proto", [True, False])
def test_a_file_is_drawn_on_upload_and_on_every_request(adhoc: AdHoc, proto: bool) -> None:
    adhoc = replace(adhoc, proto=proto)
    before = time.time_ns() // 1_000_000
    response = adhoc.upload(pprof(), "cpu.pprof")
    assert before <= response.uploaded_at <= time.time_ns() // 1_000_000
    assert (response.name, response.id) == ("cpu.pprof", f"{response.id[:26]}-cpu.pprof")
    assert (response.profile_type, [*response.profile_types]) == ("samples", ["samples", "cpu"])
    assert flamebearer(response.flamebearer_profile) == {
        "version": 1,
        "flamebearer": drawn(STACKS),
        "metadata": {
            "format": "single",
            "spyName": "",
            "sampleRate": 100,
            "units": "objects",
            "name": "samples",
        },
        "timeline": None,
        "groups": None,
        "heatmap": None,
    }
    assert adhoc.get(response.id) == response
    [listed] = adhoc.list_()
    assert (listed.id, listed.name, listed.uploaded_at) == (response.id, response.name, response.uploaded_at)


@pytest.mark.parametrize("fields", ["samples", "cpu", "unknown", None])
def test_a_sample_type_is_chosen_by_name_and_defaults_to_the_first(adhoc: AdHoc, fields: str | None) -> None:
    response = adhoc.get(adhoc.upload(pprof(), "cpu.pprof").id, profile_type=fields)
    chosen = "cpu" if fields == "cpu" else "samples"
    assert response.profile_type == chosen
    assert flamebearer(response.flamebearer_profile)["flamebearer"]["numTicks"] == (
        100 if chosen == "cpu" else 10
    )


@pytest.mark.parametrize(
    ("content", "name", "type_", "stacks"),
    [
        (pprof(), "cpu.pprof", "samples", STACKS),
        (gzip.compress(pprof(), mtime=0), "cpu.pb.gz", "samples", STACKS),
        (gzip.compress(pprof(), mtime=0), "whatever", "samples", STACKS),
        (pprof(), "whatever", "samples", STACKS),
        (COLLAPSED, "stacks.collapsed", "stacks.collapsed", STACKS),
        (COLLAPSED, "stacks.txt", "stacks.txt", STACKS),
        (COLLAPSED, "whatever", "whatever", STACKS),
        (gzip.compress(COLLAPSED, mtime=0), "stacks.folded.gz", "stacks.folded.gz", STACKS),
        ("größe;ß 3".encode(), "whatever", "whatever", [(("größe", "ß"), 3)]),
        (PERF, "perf.txt", "perf.txt", perf_stacks()),
        (PERF, "out.perf_script", "out.perf_script", perf_stacks()),
        (PERF_HEADER + PERF, "perf.txt", "perf.txt", perf_stacks()),
        (PERF_HEADER + PERF.replace(b"\n", b" \r\n"), "out.perf_script", "out.perf_script", perf_stacks()),
        (PERF.strip(), "whatever", "whatever", perf_stacks()),
        (exported(STACKS), "heap.json", "heap", STACKS),
        (gzip.compress(b" \n" + exported(STACKS), mtime=0), "whatever", "heap", STACKS),
    ],
    ids=count(),
)
def test_a_format_is_recognised_by_the_extension_then_by_the_content(
    adhoc: AdHoc, content: bytes, name: str, type_: str, stacks: Sequence[Stack]
) -> None:
    response = adhoc.upload(content, name)
    assert (response.profile_type, [*response.profile_types][:1]) == (type_, [type_])
    assert flamebearer(response.flamebearer_profile)["flamebearer"] == drawn(stacks)


@pytest.mark.parametrize(
    ("content", "name", "types", "stacks"),
    [
        (
            files.PERF_WITHOUT_STACKS,
            "perf.txt",
            ["perf.txt"],
            ["cat;read (inlined)", "dd;copy_page+0x4", "dd;copy_page+0x8"],
        ),
        (files.AUSTIN_WALL, "a.austin", ["wall"], [MAIN, f"{MAIN};/app/my app.py:work:9"]),
        (
            files.AUSTIN_FULL,
            "a.txt",
            ["wall", "cpu", "samples"],
            ["P12;T7;a.py:main:3", "P12;T7;a.py:main:3;a.py:wait:5"],
        ),
        (files.INSTRUMENTS, "copy.txt", ["cpu"], ["start;main", "start;main;delta()"]),
        (files.CHROME_TRACE, "Trace-2026.json.gz", ["cpu"], ["main", "main;work", "onmessage"]),
        (files.CHROME_TRACE_AS_LIST, "trace", ["cpu"], ["main", "main;work", "onmessage"]),
        (files.FIREFOX_SHARED, "Firefox.json", ["wall"], ["main", "main;poll", "main;work"]),
        (
            files.DOTNET_TRACE,
            "a.speedscope.json",
            ["wall"],
            ["Main;CPU_TIME", "Main;System.Threading.Wait()"],
        ),
        (CPUPROFILE, "CPU.2026.cpuprofile", ["cpu"], ["main"]),
        (CPUPROFILE, "a.json", ["cpu"], ["main"]),
        (recording(sample_of_jfr()), "app.jfr", ["cpu"], None),
        (gzip.compress(recording(sample_of_jfr()), mtime=0), "app", ["cpu"], None),
    ],
    ids=count(),
)
def test_a_file_in_a_format_of_ingest_is_drawn(
    adhoc: AdHoc, content: bytes, name: str, types: Sequence[str], stacks: Sequence[str] | None
) -> None:
    response = adhoc.upload(content, name)
    assert [*response.profile_types] == types
    flame = flamebearer(response.flamebearer_profile)["flamebearer"]
    assert flame["numTicks"] > 0
    if stacks is not None:
        assert [";".join(stack) for stack, _ in stacks_of(flame)] == stacks
    assert adhoc.get(response.id) == response


def test_an_exported_flame_graph_retains_its_metadata(adhoc: AdHoc) -> None:
    response = flamebearer(adhoc.upload(exported(STACKS), "heap.json").flamebearer_profile)
    assert response["metadata"] == json.loads(exported(STACKS))["metadata"]


def test_a_returned_flame_graph_can_be_uploaded(adhoc: AdHoc) -> None:
    once = adhoc.upload(pprof(), "cpu.pprof").flamebearer_profile
    again = adhoc.upload(once.encode(), "again.json").flamebearer_profile
    assert again == once


def test_a_pprof_is_drawn_with_inlined_functions_and_addresses_of_unknown_ones(adhoc: AdHoc) -> None:
    profile = pprof_of([sample(["main", ("outer", "inner"), 0xABC], 5)], time_ms=1)
    response = adhoc.upload(profile.SerializeToString(), "cpu.pprof")
    assert flamebearer(response.flamebearer_profile)["flamebearer"] == drawn(
        [(("main", "outer", "inner", "0xabc"), 5)]
    )


def test_the_newest_file_is_listed_first(adhoc: AdHoc) -> None:
    for name in "abc":
        adhoc.upload(b"a 1", name)
        time.sleep(0.002)
    assert [each.name for each in adhoc.list_()] == ["c", "b", "a"]


def test_tenants_do_not_share_files(adhoc: AdHoc) -> None:
    id_ = adhoc.upload(b"a 1", "mine").id
    for tenant in (new_tenant(), adhoc.client.tenant.upper(), f"{adhoc.client.tenant}."):
        other = replace(adhoc, client=replace(adhoc.client, tenant=tenant))
        assert other.list_() == []
        assert other.rejection("Get", id=id_)[:2] == (404, "not_found")
        assert other.rejection("Diff", leftId=id_, rightId=id_)[:2] == (404, "not_found")


def test_a_file_is_gone_after_the_retention(tmp_path: Path) -> None:
    adhoc = adhoc_on(tmp_path, retention_days=1)
    kept = adhoc.upload(b"a 1", "new").id
    old = ProfileId.new("old", time.time_ns() // 1_000_000 - 86_400_000).text
    (folder,) = tmp_path.iterdir()
    (folder / old).write_bytes(b"a 1")
    (folder / "no id").write_bytes(b"a 1")
    assert [each.id for each in adhoc.list_()] == [kept]
    assert adhoc.rejection("Get", id=old)[:2] == (404, "not_found")
    adhoc.upload(b"a 1", "newer")
    assert not (folder / old).exists()
    assert len([*folder.iterdir()]) == 3


@pytest.mark.parametrize(("retention", "stays"), [(0, True), (365, True), (30, False)])
def test_by_default_files_are_retained_as_long_as_profiles(
    tmp_path: Path, retention: int, stays: bool
) -> None:
    adhoc = adhoc_on(tmp_path, retention=retention)
    adhoc.upload(b"a 1", "new")
    old = ProfileId.new("old", time.time_ns() // 1_000_000 - 100 * 86_400_000).text
    (folder,) = tmp_path.iterdir()
    (folder / old).write_bytes(b"a 1")
    adhoc.upload(b"a 1", "newer")
    assert (folder / old).exists() == stays


def test_files_are_stored_in_the_data_folder_by_default(tmp_path: Path) -> None:
    settings = Settings(clickhouse_dsn=f"chdb://{tmp_path}")
    services = Services(settings=settings, store=CannedStore())
    adhoc = AdHoc(client=Client(server=create_app(lambda: services), tenant="anonymous"))
    id_ = adhoc.upload(b"a 1", "mine").id
    assert [file.name for file in (tmp_path / "adhoc").glob("*/*")] == [id_]
