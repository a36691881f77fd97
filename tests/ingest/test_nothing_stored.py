"""Uploads that store nothing: an error that names the expected content, unless clients legitimately send them."""

import gzip
import json
from typing import Any

import pytest

from tests.support.uploads.jfr_recordings import recording
from tests.support.uploads.profiles import pprof_of, sample
from tests.support.uploads.stack_uploads import evented, file, node, sampled
from tests.support.uploads.uploads import FORM, Ingest, form, pprof, rejection, series

GROUPS = "expected one stack and its count per line, such as 'main;work 5'"
NO_SAMPLES = pprof_of([], time_ms=0).SerializeToString()
ONLY_ZEROS = pprof_of([sample("a", 0), sample("b", 0)], time_ms=0).SerializeToString()
GPERFTOOLS = b"".join(
    n.to_bytes(8, "little") for n in (0, 3, 0, 10_000, 0, 5, 2, 0x401000, 0x401100, 0, 1, 0)
)
OPEN_ONLY = file(evented(("O", 0, 0)))
IDLE: dict[str, Any] = {
    "pprof": NO_SAMPLES,
    "jfr": recording(),
    "tree": node(b"", 0, 0),
    "trie": node(b"", 0, 0),
    "groups": b"main;work 0\n",
    "lines": b"\n\n",
    "speedscope": file(sampled([], [])),
}
"""Well-formed uploads of an idle program, by format."""


def rejected(body: bytes, query: str = "", content_type: str = "application/x-www-form-urlencoded") -> str:
    """Sends an upload that must be rejected, and returns the message."""
    ingest = Ingest()
    status, code, message = rejection(ingest.post(body, f"name=shop{query}", content_type=content_type))
    assert (status, code, ingest.uploads) == (422, "unknown", [])
    return message


@pytest.mark.parametrize("format_", ["", *IDLE])
@pytest.mark.parametrize("spy", ["", "&spyName=gospy"])
@pytest.mark.parametrize("body", [b"", gzip.compress(b"", mtime=0)])
def test_an_empty_upload_is_rejected(format_: str, spy: str, body: bytes) -> None:
    assert " failed the upload is empty: expected " in rejected(body, f"&format={format_}{spy}")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"cpu.pprof", "--data-binary @NAME"),
        (b"/tmp/out/profile.pb.gz\n", "--data-binary @NAME"),
        (b"no stacks", "line 1: expected a stack, a space and a 64-bit integer, but it ends in 'stacks'"),
        (b"a,b,c\n1,2,3\n", "line 1: expected a stack"),
        (b"main;work 1\nmain;rest\n", "line 2: expected a stack"),
        (b"# a comment\n\n", f"nothing to store: {GROUPS}"),
        (b"main;work 0\n", f"nothing to store: {GROUPS}"),
        (b"main;work -5\n", f"nothing to store: {GROUPS}"),
        (b"   \n\t\r\n", f"nothing to store: {GROUPS}"),
        (b"H4sIAAAAAAAA/+JgYGBg", "looks like base64"),
        (b"<html><body>moved</body></html>", "looks like a web page"),
        (b"\n<!DOCTYPE html>\n<p>sign in</p>", "looks like a web page"),
        (GPERFTOOLS, "looks like a binary gperftools CPU profile"),
        (b"heap profile: 3: 96 [5: 160] @ heap/1048576\n", "looks like a Go profile as text"),
        (b"goroutine profile: total 7\n", "looks like a Go profile as text"),
        (b"PERFILE2" + bytes(64), "`perf script`"),
        (b"PK\x03\x04" + bytes(64), "looks like a ZIP archive"),
        (b"\x28\xb5\x2f\xfd" + bytes(64), "compressed with zstd"),
        (b"go 1.22 trace\0\0\0", "looks like a Go execution trace"),
        (b"Nettrace\x14\0\0\0!FastSerialization.1", "dotnet-trace convert"),
        (NO_SAMPLES, "a pprof message with sample values above zero"),
        (ONLY_ZEROS, "a pprof message with sample values above zero"),
        (recording(), "a recording with sample events"),
        (file(), "profiles with stacks that have weights above zero"),
        (file(sampled([[0]], [0])), "profiles with stacks that have weights above zero"),
        (OPEN_ONLY, "profiles with stacks that have weights above zero"),
        (json.dumps({"exporter": "speedscope"}).encode(), "unknown schema"),
    ],
)
def test_an_upload_without_content_is_rejected_with_its_reason(body: bytes, reason: str) -> None:
    assert reason in rejected(body)


@pytest.mark.parametrize("format_", IDLE)
def test_an_sdk_may_upload_the_profile_of_an_idle_program(format_: str) -> None:
    ingest = Ingest()
    response = ingest.post(IDLE[format_], f"name=shop&format={format_}&spyName=anyspy")
    assert (response.status_code, response.content, ingest.uploads) == (200, b"", [])
    for unnamed in ("", "&spyName=", "&spyName=unknown"):
        assert "nothing to store" in rejected(IDLE[format_], f"&format={format_}{unnamed}")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (form(), "missing form part 'profile'"),
        (form(("file", pprof().SerializeToString())), "missing form part 'profile', found only 'file'"),
        (form(("a", b"1"), ("b", b"2")), "missing form part 'profile', found only 'a', 'b'"),
        (form(("sample_type_config", b"{}")), "missing form part 'profile'"),
        (form(("profile", b"")), "the upload is empty: expected a pprof message"),
        (form(("profile", gzip.compress(b"", mtime=0))), "the upload is empty: expected a pprof message"),
    ],
)
@pytest.mark.parametrize("spy", ["", "&spyName=nodespy"])
def test_a_form_without_a_profile_is_rejected(body: bytes, reason: str, spy: str) -> None:
    assert reason in rejected(body, spy, FORM)


def test_a_push_of_idle_profiles_is_accepted_and_one_of_empty_bytes_is_rejected() -> None:
    labels = {"__name__": "mutex", "service_name": "shop"}
    ingest = Ingest()
    assert ingest.push(series(labels, NO_SAMPLES, ONLY_ZEROS)).status_code == 200
    assert ingest.push(series(labels, b"")).status_code == 400
    assert ingest.push(series(labels)).status_code == 400
    assert ingest.uploads == []
