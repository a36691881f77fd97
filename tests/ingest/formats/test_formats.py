"""The format of an upload: named by the request, or recognised by its bytes."""

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.formats import FORMATS, format_of
from ingest.request.body import Limit, read_parts
from tests.support.fuzzing import fuzzed
from tests.support.uploads.uploads import FORM, Ingest, pprof, rejection

OCTETS = "application/octet-stream"
PPROF = pprof().SerializeToString()
BODY_LIMIT = 64 << 20
PARTS = {"profile": "pprof", "jfr": "jfr"}
"""The part of a form that has the profile, by format."""


@pytest.mark.parametrize(
    ("parameter", "content_type", "name"),
    [
        ("trie", OCTETS, "trie"),
        ("", "binary/octet-stream+trie", "trie"),
        ("jfr", "binary/octet-stream+trie", "trie"),
        ("tree", OCTETS, "tree"),
        ("", "binary/octet-stream+tree", "tree"),
        ("lines", FORM, "lines"),
        ("jfr", FORM, "jfr"),
        ("pprof", OCTETS, "pprof"),
        ("pprof", FORM, "pprof"),
        ("speedscope", OCTETS, "speedscope"),
        ("", FORM, "pprof"),
        ("folded", FORM, "pprof"),
        ("", "Multipart/Form-Data; boundary=x", "pprof"),
        ("folded", OCTETS, "groups"),
        ("groups", OCTETS, "groups"),
        ("", "", "groups"),
        ("PPROF", OCTETS, "groups"),
    ],
)
def test_parameter_and_content_type_decide_the_format(parameter: str, content_type: str, name: str) -> None:
    assert format_of(parameter, content_type, b"") == name


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (PPROF, "pprof"),
        (gzip.compress(PPROF, mtime=0), "pprof"),
        (gzip.compress(gzip.compress(PPROF, mtime=0), mtime=0), "pprof"),
        (gzip.compress(PPROF, mtime=0)[:-20], "pprof"),
        (b"FLR\0\0\2", "jfr"),
        (gzip.compress(b"FLR\0\0\2", mtime=0), "jfr"),
        (b'{"$schema":"https://www.speedscope.app/file-format-schema.json","profiles":[]}', "speedscope"),
        (b'\n{ "exporter": "speedscope@1.3.2", "name": "x" }', "speedscope"),
        (gzip.compress(b'{"exporter":"speedscope@1.3.2"}', mtime=0), "speedscope"),
        (b'{"name":"main"} 5\n', "groups"),
        (b"{speedscope};main 5\n", "groups"),
        (b"main;work 5\n", "groups"),
        (b"2to3;main 5\n", "groups"),
        (b'"quoted";main 5\n', "groups"),
        (b"\nmain\tof;work 5\r\n", "groups"),
        ("@größe;été 5\n".encode(), "groups"),
        (gzip.compress(b"main;work 5\n", mtime=0), "groups"),
        (b"\x1f\x8b\x08 no gzip", "groups"),
        (b"", "groups"),
    ],
)
def test_the_content_decides_the_format_if_nothing_else_does(body: bytes, name: str) -> None:
    assert format_of("", "application/x-www-form-urlencoded", body) == name
    assert format_of("groups", "application/x-www-form-urlencoded", body) == "groups"
    assert format_of("lines", "application/x-www-form-urlencoded", body) == "lines"


@pytest.mark.parametrize("client", ["python-0.8", "go", "nodejs", "java"])
def test_formats_are_recognised_by_their_bytes(shared_dir: Path, client: str) -> None:
    for path in sorted((shared_dir / "fixtures/sdk" / client).glob("*/request.json")):
        headers = {name.lower(): value for name, value in json.loads(path.read_text())["headers"]}
        parts = read_parts(
            (path.parent / "body.bin").read_bytes(),
            headers.get("content-type", ""),
            PARTS,
            max_body_bytes=BODY_LIMIT,
            part_limit=Limit(setting="MAX_BODY_BYTES", bytes=BODY_LIMIT),
        )
        name, data = next((name, parts[part]) for part, name in PARTS.items() if part in parts)
        assert {format_of("", "", body) for body in (data, gzip.compress(data, mtime=0))} == {name}


@fuzzed(200)
@given(st.text(st.characters(exclude_categories=["Cc", "Cs"], include_characters="\t\r\n")))
def test_no_plain_text_is_taken_for_another_format(text: str) -> None:
    assert format_of("", "", text.encode()) == "groups"


def test_every_recognised_format_has_a_parser() -> None:
    assert {format_of(name, "", b"") for name in FORMATS} == set(FORMATS)


@pytest.mark.parametrize("format_", ["perf", "protobuf", "collapsed"])
def test_an_unreadable_body_without_a_format_gets_the_list_of_formats(format_: str) -> None:
    status, _, message = rejection(Ingest().post(PPROF, f"name=app&format={format_}"))
    known = ", ".join(FORMATS)
    assert status == 422
    assert message.endswith(
        f'; unknown format "{format_}", so the body was read as groups (formats: {known})'
    )


@pytest.mark.parametrize("query", ["name=app&format=folded", "name=app&format=groups"])
def test_an_explicit_format_gets_only_its_own_error(query: str) -> None:
    status, _, message = rejection(Ingest().post(b"main five", query))
    assert (status, message) == (
        422,
        (
            "parsing IngestInput-groups failed line 1: expected a stack, a space and a 64-bit integer, "
            "but it ends in 'five'"
        ),
    )


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("format=pprof", "name: service name is required"),
        ("name=a+b&format=pprof", "name: invalid service name: a b: character is not allowed: ' '"),
        ("name=a%FF&format=pprof", "name: invalid service name: a\ufffd: character is not allowed: '\ufffd'"),
    ],
)
def test_a_bad_name_is_rejected_before_the_body_is_read(query: str, message: str) -> None:
    ingest = Ingest()
    assert rejection(ingest.post(b"", query)) == (400, "invalid_argument", message)
