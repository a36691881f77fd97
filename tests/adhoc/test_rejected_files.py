"""Files and requests that the ad hoc RPCs reject, each with its reason."""

import gzip
import json
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from all_in_one import create_app
from flamehouse.pb.profile_pb2 import Profile
from flamehouse.services import Services
from flamehouse.settings import Settings
from tests.support.queries.queries import new_tenant
from tests.support.servers.client import Client
from tests.support.servers.doubles import CannedStore
from tests.support.uploads import files
from tests.support.uploads.adhoc_files import AdHoc
from tests.support.uploads.adhoc_server import adhoc_on


def test_a_tenant_has_a_quota_that_the_error_names(tmp_path: Path) -> None:
    adhoc = adhoc_on(tmp_path, adhoc_quota_bytes=20)
    adhoc.upload(b"main 1234567", "a")
    status, code, message = adhoc.rejected_file(b"main 1234567", "b")
    assert (status, code) == (429, "resource_exhausted")
    assert "this file of 12 bytes would exceed" in message
    assert "12 bytes of ADHOC_QUOTA_BYTES=20 are in use" in message
    replace(adhoc, client=replace(adhoc.client, tenant=new_tenant())).upload(b"main 1234567", "a")
    assert [each.name for each in adhoc.list_()] == ["a"]


@pytest.mark.parametrize(
    ("rpc", "fields", "status", "code", "words"),
    [
        ("Get", {}, 400, "invalid_argument", "invalid ad hoc profile id ''"),
        ("Get", {"id": "../../etc/passwd"}, 400, "invalid_argument", "invalid ad hoc profile id"),
        ("Get", {"id": "01HMXV8BF4EH71NBYZNPPVGJ2X-cpu.pprof"}, 404, "not_found", "unknown ad hoc profile"),
        ("Get", {"id": "01HMXV8BF4EH71NBYZNPPVGJ2X-a", "maxNodes": -1}, 400, "invalid_argument", "nodes"),
        (
            "Diff",
            {"leftId": "01HMXV8BF4EH71NBYZNPPVGJ2X-a"},
            400,
            "invalid_argument",
            "invalid ad hoc profile id",
        ),
        ("Upload", {"name": "a", "profile": "!"}, 400, "invalid_argument", "is not valid base64"),
        ("Upload", {"name": "a"}, 400, "invalid_argument", "is empty"),
        ("Upload", {"name": "a", "profile": "YSAx", "maxNodes": 1 << 30}, 400, "invalid_argument", "nodes"),
        ("Upload", {"name": "a", "profile": "A" * 6_000_000}, 400, "invalid_argument", "exceeds the limit"),
    ],
    ids=count(),
)
def test_an_invalid_request_is_rejected(
    tmp_path: Path, rpc: str, fields: dict[str, Any], status: int, code: str, words: str
) -> None:
    small = {"max_jfr_bytes": 1 << 20, "max_json_bytes": 1 << 20}
    response = adhoc_on(tmp_path, retention_days=0, **small).rejection(rpc, **fields)
    assert response[:2] == (status, code)
    assert words in response[2]


def level(*values: object) -> bytes:
    """Returns a flame graph with a root and one level below it."""
    flame = {"names": ["total", "a"], "levels": [[0, 9, 0, 0], [*values]], "numTicks": 9, "maxSelf": 9}
    return json.dumps({"flamebearer": flame, "metadata": {"format": "single"}}).encode()


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        (b"\x0a\xff", "a.pprof", "read as pprof"),
        (b"", "a.pprof", "is empty"),
        (gzip.compress(b"", mtime=0), "a.pprof", "read as pprof: empty profile"),
        (gzip.compress(bytes(5 << 20), mtime=0), "a.pprof", "exceeds limit"),
        (b"\x1f\x8bnot gzip", "a.pprof", "damaged"),
        (Profile().SerializeToString() + b"\x08", "a", "read as pprof"),
        (b"no number", "a.collapsed", "read as collapsed: line 1"),
        (b"a 1\nb -1", "a.collapsed", "line 2"),
        (b"a 99999999999999999999", "a.collapsed", "line 1"),
        (b"a 9223372036854775807\nb 1", "a.collapsed", "64 bits"),
        (b"a 1\nb", "a.collapsed", "line 2"),
        (b"\xff\xfd 1", "a.collapsed", "invalid utf8"),
        (b"\xff\xfe\0\xd8", "a.collapsed", "UTF-16"),
        (b"x" * 70_000 + b" 1", "a.collapsed", "line 1 is longer"),
        (b"main 1 2: x\n \xff\n", "a.perf_script", "UTF-8"),
        (b"main 1 2: x\n" + b"x" * 70_000, "a.perf_script", "line 2 is longer"),
        (b"main 1 2: x\nno frame\n", "a.perf_script", "read as perf_script: line 2"),
        (b"[1]", "a.json", "is not an object"),
        (b'{"hello": 1}', "a", "looks like JSON in an unknown format"),
        (b"no number", "a", "supported formats: pprof, JFR, speedscope"),
        (b"PERFILE2" + bytes(9), "perf.data", "looks like perf.data"),
        (b"FLR\0", "a.jfr", "read as jfr"),
        (
            files.FIREFOX_RECORDED_WITHOUT_STACKS,
            "a.json",
            "read as firefox: the schema of stackTable has no prefix",
        ),
        (b"{", "a.json", "malformed"),
        (b'{"a":' * 100_000, "a.json", "malformed"),
        (b'{"metadata": {"format": "double"}}', "a.json", "not 'single'"),
        (level(0, 9, 9), "a.json", "four non-negative integers"),
        (level(0, 9, 9, 2), "a.json", "invalid index into names"),
        (level(0, 9, 10, 1), "a.json", "greater than its total"),
        (level(0, 10, 9, 1), "a.json", "has no parent frame"),
        (level(0, -1, 0, 1), "a.json", "four non-negative integers"),
        (level(0, 9.5, 9, 1), "a.json", "four non-negative integers"),
        (level(0, True, 0, 1), "a.json", "four non-negative integers"),
        (level(0, "9", 9, 1), "a.json", "four non-negative integers"),
    ],
    ids=count(),
)
def test_a_file_that_cannot_be_drawn_is_rejected_and_not_stored(
    adhoc: AdHoc, content: bytes, name: str, words: str
) -> None:
    status, code, message = adhoc.rejected_file(content, name)
    assert (status, code) == (400, "invalid_argument")
    assert words in message
    assert adhoc.list_() == []


def test_a_server_without_storage_for_files_names_the_setting() -> None:
    services = Services(settings=Settings(clickhouse_dsn="https://127.0.0.1"), store=CannedStore())
    adhoc = AdHoc(client=Client(server=create_app(lambda: services), tenant="anonymous"))
    status, code, message = adhoc.rejection("List")
    assert (status, code) == (400, "failed_precondition")
    assert "set ADHOC_PROFILES" in message


def test_a_folder_that_cannot_be_used_is_unavailable_and_the_log_says_why(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    adhoc = adhoc_on(tmp_path / "file")
    assert adhoc.rejected_file(b"a 1", "a")[:2] == (503, "unavailable")
    assert f"the folder {tmp_path / 'file'} cannot be used: Not a directory" in caplog.text
