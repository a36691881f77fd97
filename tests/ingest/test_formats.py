"""How the format of an upload is told, and what is said of formats nobody reads."""

import pytest

from ingest.formats import format_of
from uploads import FORM, Ingest, pprof, refusal

OCTETS = "application/octet-stream"


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
def test_parameter_and_content_type_tell_the_format(parameter: str, content_type: str, name: str) -> None:
    assert format_of(parameter, content_type) == name


@pytest.mark.parametrize(
    ("query", "name"), [("name=app", "groups"), ("name=app&format=speedscope", "speedscope")]
)
def test_a_format_without_a_parser_is_refused(query: str, name: str) -> None:
    ingest = Ingest()
    response = ingest.post(pprof().SerializeToString(), query)
    assert refusal(response) == (400, "invalid_argument", f"unsupported format: {name}")
    assert ingest.uploads == []


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("format=pprof", "name: service name is required"),
        ("name=a+b&format=pprof", "name: invalid service name: a b: character is not allowed: ' '"),
        ("name=a%FF&format=pprof", "name: invalid service name: a\ufffd: character is not allowed: '\ufffd'"),
    ],
)
def test_a_bad_name_is_refused_before_the_body_is_read(query: str, message: str) -> None:
    ingest = Ingest()
    assert refusal(ingest.post(b"", query)) == (400, "invalid_argument", message)
