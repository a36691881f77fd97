"""Ad hoc profiles from upload to flame graph: every format, comparisons, tenants, and what is refused."""

import gzip
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from adhoc.profile_id import ProfileId
from all_in_one import create_app
from flamehouse.pb.profile_pb2 import Profile
from flamehouse.services import Services
from flamehouse.settings import Settings
from tests.support.queries.oracle import Stack, oracle_diff, oracle_flamegraph
from tests.support.queries.queries import EVERYTHING, new_tenant
from tests.support.servers.client import Client
from tests.support.servers.doubles import CannedStore
from tests.support.uploads import files
from tests.support.uploads.adhoc_files import AdHoc
from tests.support.uploads.jfr_recordings import recording
from tests.support.uploads.jfr_recordings import sample as sample_of_jfr
from tests.support.uploads.profiles import pprof_of, sample

STACKS: Sequence[Stack] = ((("main", "a", "b"), 3), (("main", "a"), 1), (("main", "c"), 2), (("idle",), 4))
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


def on(folder: Path, retention: int = 30, **settings: Any) -> AdHoc:
    """A server that keeps files in `folder`; it has no ClickHouse to ask."""
    services = Services(
        settings=Settings(adhoc_profiles=str(folder), **settings), store=CannedStore(retention=retention)
    )
    return AdHoc(client=Client(server=create_app(lambda: services), tenant=new_tenant()))


@pytest.fixture
def adhoc(tmp_path: Path) -> AdHoc:
    return on(tmp_path)


def pprof(stacks: Sequence[Stack] = STACKS) -> bytes:
    """Two sample types, the second with values ten times as great; of a time long past."""
    samples = [sample([*names], value, value * 10) for names, value in stacks]
    types = (("samples", "count"), ("cpu", "nanoseconds"))
    return pprof_of(samples, time_ms=1, types=types).SerializeToString()


def flamebearer(flamebearer_profile: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(flamebearer_profile)
    return answer


def stacks_of(flame: dict[str, Any]) -> list[tuple[list[str], int]]:
    """The stacks of a flame graph that have a value of their own, sorted."""
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


def drawn(stacks: Sequence[Stack], max_nodes: int = EVERYTHING) -> dict[str, Any]:
    """The flame graph that Pyroscope draws of these stacks."""
    names, levels, total, max_self = oracle_flamegraph(stacks, max_nodes)
    return {"names": names, "levels": levels, "numTicks": total, "maxSelf": max_self}


def exported(stacks: Sequence[Stack]) -> bytes:
    """The flame graph as Pyroscope exports it."""
    metadata = {"format": "single", "spyName": "gospy", "sampleRate": 100, "units": "bytes", "name": "heap"}
    return json.dumps({"version": 1, "flamebearer": drawn(stacks), "metadata": metadata}).encode()


def perf_stacks() -> Sequence[Stack]:
    return ((("main", "a (inlined)", "b+0x12"), 1), (("main", "b+0x12"), 1))


@pytest.mark.parametrize("proto", [True, False])
def test_a_file_is_drawn_when_it_comes_and_whenever_it_is_asked_for(adhoc: AdHoc, proto: bool) -> None:
    adhoc = replace(adhoc, proto=proto)
    before = time.time_ns() // 1_000_000
    answer = adhoc.upload(pprof(), "cpu.pprof")
    assert before <= answer.uploaded_at <= time.time_ns() // 1_000_000
    assert (answer.name, answer.id) == ("cpu.pprof", f"{answer.id[:26]}-cpu.pprof")
    assert (answer.profile_type, [*answer.profile_types]) == ("samples", ["samples", "cpu"])
    assert flamebearer(answer.flamebearer_profile) == {
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
    assert adhoc.get(answer.id) == answer
    [listed] = adhoc.list_()
    assert (listed.id, listed.name, listed.uploaded_at) == (answer.id, answer.name, answer.uploaded_at)


@pytest.mark.parametrize("asked", ["samples", "cpu", "unheard of", None])
def test_a_sample_type_is_chosen_by_its_name_and_else_the_first(adhoc: AdHoc, asked: str | None) -> None:
    answer = adhoc.get(adhoc.upload(pprof(), "cpu.pprof").id, profile_type=asked)
    chosen = "cpu" if asked == "cpu" else "samples"
    assert answer.profile_type == chosen
    assert flamebearer(answer.flamebearer_profile)["flamebearer"]["numTicks"] == (
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
def test_a_format_is_told_by_the_extension_and_else_by_the_content(
    adhoc: AdHoc, content: bytes, name: str, type_: str, stacks: Sequence[Stack]
) -> None:
    answer = adhoc.upload(content, name)
    assert (answer.profile_type, [*answer.profile_types][:1]) == (type_, [type_])
    assert flamebearer(answer.flamebearer_profile)["flamebearer"] == drawn(stacks)


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
def test_a_file_of_a_format_of_uploads_is_drawn(
    adhoc: AdHoc, content: bytes, name: str, types: Sequence[str], stacks: Sequence[str] | None
) -> None:
    answer = adhoc.upload(content, name)
    assert [*answer.profile_types] == types
    flame = flamebearer(answer.flamebearer_profile)["flamebearer"]
    assert flame["numTicks"] > 0
    if stacks is not None:
        assert [";".join(stack) for stack, _ in stacks_of(flame)] == stacks
    assert adhoc.get(answer.id) == answer


def test_a_tenant_has_a_quota_that_the_refusal_names(tmp_path: Path) -> None:
    adhoc = on(tmp_path, adhoc_quota_bytes=20)
    adhoc.upload(b"main 1234567", "a")
    status, code, message = adhoc.refused_file(b"main 1234567", "b")
    assert (status, code) == (429, "resource_exhausted")
    assert "ADHOC_QUOTA_BYTES=20: it has 12 bytes, and this file has 12" in message
    replace(adhoc, client=replace(adhoc.client, tenant=new_tenant())).upload(b"main 1234567", "a")
    assert [each.name for each in adhoc.list_()] == ["a"]


def test_an_exported_flame_graph_keeps_what_it_says_of_itself(adhoc: AdHoc) -> None:
    answer = flamebearer(adhoc.upload(exported(STACKS), "heap.json").flamebearer_profile)
    assert answer["metadata"] == json.loads(exported(STACKS))["metadata"]


def test_what_was_answered_can_be_uploaded_again(adhoc: AdHoc) -> None:
    once = adhoc.upload(pprof(), "cpu.pprof").flamebearer_profile
    again = adhoc.upload(once.encode(), "again.json").flamebearer_profile
    assert again == once


def test_a_pprof_is_drawn_with_inlined_functions_and_addresses_of_unknown_ones(adhoc: AdHoc) -> None:
    profile = pprof_of([sample(["main", ("outer", "inner"), 0xABC], 5)], time_ms=1)
    answer = adhoc.upload(profile.SerializeToString(), "cpu.pprof")
    assert flamebearer(answer.flamebearer_profile)["flamebearer"] == drawn(
        [(("main", "outer", "inner", "0xabc"), 5)]
    )


STACK_LISTS = st.lists(
    st.tuples(st.lists(st.sampled_from(["a", "b", "other", "ä"]), min_size=1, max_size=4), st.integers(1, 6)),
    max_size=12,
)


CHECKS = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]


def collapsed(stacks: Sequence[Stack]) -> bytes:
    return "\n".join(f"{';'.join(names)} {value}" for names, value in stacks).encode()


@given(stacks=STACK_LISTS, max_nodes=st.integers(1, 12))
@examples(max_examples=60, suppress_health_check=CHECKS)
def test_any_stacks_are_drawn_and_cut_as_by_pyroscope(
    adhoc: AdHoc, stacks: Sequence[Stack], max_nodes: int
) -> None:
    content = collapsed(stacks) or b"\n"
    answer = adhoc.upload(content, "stacks.collapsed", max_nodes=max_nodes)
    assert flamebearer(answer.flamebearer_profile)["flamebearer"] == drawn(stacks, max_nodes)


@given(left=STACK_LISTS, right=STACK_LISTS, max_nodes=st.integers(1, 12))
@examples(max_examples=60, suppress_health_check=CHECKS)
def test_any_two_files_are_compared_as_by_pyroscope(
    adhoc: AdHoc, left: Sequence[Stack], right: Sequence[Stack], max_nodes: int
) -> None:
    ids = [adhoc.upload(collapsed(stacks) or b"\n", "stacks.txt").id for stacks in (left, right)]
    answer = flamebearer(adhoc.diff(*ids, max_nodes=max_nodes).flamebearer_profile)
    names, levels, total, max_self, left_ticks, right_ticks = oracle_diff(left, right, max_nodes)
    assert answer["flamebearer"] == {"names": names, "levels": levels, "numTicks": total, "maxSelf": max_self}
    assert (answer["leftTicks"], answer["rightTicks"]) == (left_ticks, right_ticks)
    assert answer["metadata"]["format"] == "double"


@pytest.mark.parametrize("proto", [True, False])
def test_two_files_are_compared_by_a_sample_type_that_both_have(adhoc: AdHoc, proto: bool) -> None:
    adhoc = replace(adhoc, proto=proto)
    left = adhoc.upload(pprof(), "left.pprof").id
    types = (("wall", "nanoseconds"), ("cpu", "nanoseconds"))
    profile = pprof_of([sample(["main"], 1, 70)], time_ms=1, types=types)
    right = adhoc.upload(profile.SerializeToString(), "right.pprof").id
    answer = adhoc.diff(left, right)
    assert [*answer.profile_types] == ["cpu"]
    shown = flamebearer(answer.flamebearer_profile)
    assert (shown["leftTicks"], shown["rightTicks"], shown["metadata"]["name"]) == (100, 70, "cpu")
    assert adhoc.diff(left, right, profile_type="samples") == answer


def test_files_of_text_are_compared_whatever_they_are_called(adhoc: AdHoc) -> None:
    left, right = adhoc.upload(b"a 1", "left.txt").id, adhoc.upload(b"a 2", "right.txt").id
    shown = flamebearer(adhoc.diff(left, right).flamebearer_profile)
    assert (shown["leftTicks"], shown["rightTicks"]) == (1, 2)


def test_files_without_a_common_sample_type_are_not_compared(adhoc: AdHoc) -> None:
    left, right = adhoc.upload(pprof(), "left.pprof").id, adhoc.upload(b"a 2", "right.txt").id
    status, code, message = adhoc.refusal("Diff", leftId=left, rightId=right)
    assert (status, code) == (400, "invalid_argument")
    assert "no sample type in common" in message


def test_the_newest_file_is_listed_first(adhoc: AdHoc) -> None:
    for name in "abc":
        adhoc.upload(b"a 1", name)
        time.sleep(0.002)
    assert [each.name for each in adhoc.list_()] == ["c", "b", "a"]


def test_a_tenants_files_are_its_own(adhoc: AdHoc) -> None:
    id_ = adhoc.upload(b"a 1", "mine").id
    for tenant in (new_tenant(), adhoc.client.tenant.upper(), f"{adhoc.client.tenant}."):
        other = replace(adhoc, client=replace(adhoc.client, tenant=tenant))
        assert other.list_() == []
        assert other.refusal("Get", id=id_)[:2] == (404, "not_found")
        assert other.refusal("Diff", leftId=id_, rightId=id_)[:2] == (404, "not_found")


def test_a_file_is_gone_after_the_retention(tmp_path: Path) -> None:
    adhoc = on(tmp_path, retention_days=1)
    kept = adhoc.upload(b"a 1", "new").id
    old = ProfileId.new("old", time.time_ns() // 1_000_000 - 86_400_000).text
    (folder,) = tmp_path.iterdir()
    (folder / old).write_bytes(b"a 1")
    (folder / "no id").write_bytes(b"a 1")
    assert [each.id for each in adhoc.list_()] == [kept]
    assert adhoc.refusal("Get", id=old)[:2] == (404, "not_found")
    adhoc.upload(b"a 1", "newer")
    assert not (folder / old).exists()
    assert len([*folder.iterdir()]) == 3


@pytest.mark.parametrize(("retention", "stays"), [(0, True), (365, True), (30, False)])
def test_without_the_setting_files_stay_as_long_as_the_database_retains_profiles(
    tmp_path: Path, retention: int, stays: bool
) -> None:
    adhoc = on(tmp_path, retention=retention)
    adhoc.upload(b"a 1", "new")
    old = ProfileId.new("old", time.time_ns() // 1_000_000 - 100 * 86_400_000).text
    (folder,) = tmp_path.iterdir()
    (folder / old).write_bytes(b"a 1")
    adhoc.upload(b"a 1", "newer")
    assert (folder / old).exists() == stays


@pytest.mark.parametrize(
    ("rpc", "question", "status", "code", "words"),
    [
        ("Get", {}, 400, "invalid_argument", "'' is no id"),
        ("Get", {"id": "../../etc/passwd"}, 400, "invalid_argument", "is no id"),
        ("Get", {"id": "01HMXV8BF4EH71NBYZNPPVGJ2X-cpu.pprof"}, 404, "not_found", "there is no"),
        ("Get", {"id": "01HMXV8BF4EH71NBYZNPPVGJ2X-a", "maxNodes": -1}, 400, "invalid_argument", "nodes"),
        ("Diff", {"leftId": "01HMXV8BF4EH71NBYZNPPVGJ2X-a"}, 400, "invalid_argument", "is no id"),
        ("Upload", {"name": "a", "profile": "!"}, 400, "invalid_argument", "is not base64"),
        ("Upload", {"name": "a"}, 400, "invalid_argument", "is empty"),
        ("Upload", {"name": "a", "profile": "YSAx", "maxNodes": 1 << 30}, 400, "invalid_argument", "nodes"),
        ("Upload", {"name": "a", "profile": "A" * 6_000_000}, 400, "invalid_argument", "larger than"),
    ],
    ids=count(),
)
def test_a_question_that_is_none_is_refused(
    tmp_path: Path, rpc: str, question: dict[str, Any], status: int, code: str, words: str
) -> None:
    small = {"max_jfr_bytes": 1 << 20, "max_json_bytes": 1 << 20}
    answer = on(tmp_path, retention_days=0, **small).refusal(rpc, **question)
    assert answer[:2] == (status, code)
    assert words in answer[2]


def level(*values: object) -> bytes:
    """A flame graph with a root and one level below it."""
    flame = {"names": ["total", "a"], "levels": [[0, 9, 0, 0], [*values]], "numTicks": 9, "maxSelf": 9}
    return json.dumps({"flamebearer": flame, "metadata": {"format": "single"}}).encode()


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        (b"\x0a\xff", "a.pprof", "taken for pprof"),
        (b"", "a.pprof", "is empty"),
        (gzip.compress(b"", mtime=0), "a.pprof", "taken for pprof: empty profile"),
        (gzip.compress(bytes(5 << 20), mtime=0), "a.pprof", "exceeds limit"),
        (b"\x1f\x8bnot gzip", "a.pprof", "damaged"),
        (Profile().SerializeToString() + b"\x08", "a", "taken for pprof"),
        (b"no number", "a.collapsed", "taken for collapsed: line 1"),
        (b"a 1\nb -1", "a.collapsed", "line 2"),
        (b"a 99999999999999999999", "a.collapsed", "line 1"),
        (b"a 9223372036854775807\nb 1", "a.collapsed", "64 bits"),
        (b"a 1\nb", "a.collapsed", "line 2"),
        (b"\xff\xfd 1", "a.collapsed", "invalid utf8"),
        (b"\xff\xfe\0\xd8", "a.collapsed", "UTF-16"),
        (b"x" * 70_000 + b" 1", "a.collapsed", "line 1 is longer"),
        (b"main 1 2: x\n \xff\n", "a.perf_script", "UTF-8"),
        (b"main 1 2: x\n" + b"x" * 70_000, "a.perf_script", "line 2 is longer"),
        (b"main 1 2: x\nno frame\n", "a.perf_script", "taken for perf_script: line 2"),
        (b"[1]", "a.json", "is no object"),
        (b'{"hello": 1}', "a", "looks like JSON of an unknown format"),
        (b"no number", "a", "supported formats: pprof, JFR, speedscope"),
        (b"PERFILE2" + bytes(9), "perf.data", "looks like perf.data"),
        (b"FLR\0", "a.jfr", "taken for jfr"),
        (
            files.FIREFOX_AS_RECORDED,
            "a.json",
            "taken for firefox: the file is a profile as Firefox records it",
        ),
        (b"{", "a.json", "malformed"),
        (b'{"a":' * 100_000, "a.json", "malformed"),
        (b'{"metadata": {"format": "double"}}', "a.json", "not 'single'"),
        (level(0, 9, 9), "a.json", "four whole numbers"),
        (level(0, 9, 9, 2), "a.json", "not in names"),
        (level(0, 9, 10, 1), "a.json", "greater than its total"),
        (level(0, 10, 9, 1), "a.json", "stands under no frame"),
        (level(0, -1, 0, 1), "a.json", "four whole numbers"),
        (level(0, 9.5, 9, 1), "a.json", "four whole numbers"),
        (level(0, True, 0, 1), "a.json", "four whole numbers"),
        (level(0, "9", 9, 1), "a.json", "four whole numbers"),
    ],
    ids=count(),
)
def test_a_file_that_cannot_be_drawn_is_refused_and_not_kept(
    adhoc: AdHoc, content: bytes, name: str, words: str
) -> None:
    status, code, message = adhoc.refused_file(content, name)
    assert (status, code) == (400, "invalid_argument")
    assert words in message
    assert adhoc.list_() == []


def test_a_server_without_a_place_for_files_says_how_to_give_it_one() -> None:
    services = Services(settings=Settings(clickhouse_dsn="https://127.0.0.1"), store=CannedStore())
    adhoc = AdHoc(client=Client(server=create_app(lambda: services), tenant="anonymous"))
    status, code, message = adhoc.refusal("List")
    assert (status, code) == (400, "failed_precondition")
    assert "set ADHOC_PROFILES" in message


def test_files_lie_in_the_data_folder_where_nothing_else_is_said(tmp_path: Path) -> None:
    settings = Settings(clickhouse_dsn=f"chdb://{tmp_path}")
    services = Services(settings=settings, store=CannedStore())
    adhoc = AdHoc(client=Client(server=create_app(lambda: services), tenant="anonymous"))
    id_ = adhoc.upload(b"a 1", "mine").id
    assert [file.name for file in (tmp_path / "adhoc").glob("*/*")] == [id_]


def test_a_folder_that_cannot_be_used_is_unavailable_and_the_log_says_why(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    adhoc = on(tmp_path / "file")
    assert adhoc.refused_file(b"a 1", "a")[:2] == (503, "unavailable")
    assert f"the folder {tmp_path / 'file'} cannot be used: Not a directory" in caplog.text
