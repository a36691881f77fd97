"""The query of /ingest: names with labels, and the other parameters."""

from contextlib import suppress

import pytest

from flamehouse.errors import RpcError
from ingest.request.query import IngestRequest, parse_ingest_request, parse_name
from tests.support.costs import costing_at_most


@pytest.mark.parametrize(
    ("text", "app_name", "labels"),
    [
        ("foo", "foo", {}),
        ("foo{}", "foo", {}),
        ("foo{bar=1,baz=2}", "foo", {"bar": "1", "baz": "2"}),
        (" foo { bar = 1 , baz = 2 } ", "foo", {"bar": "1", "baz": "2"}),
        ("my.app-name/v1_x", "my.app-name/v1_x", {}),
        ("foo{otel.scope.name=com.grafana/go}", "foo", {"otel.scope.name": "com.grafana/go"}),
        ("foo{bar=}", "foo", {"bar": ""}),
        ("foo{bar=1,bar=2}", "foo", {"bar": "2"}),
        ("foo{bar=1,}", "foo", {"bar": "1"}),
        ("foo{bar=1, }", "foo", {"bar": "1"}),
        ("foo{bar=a=b{c}", "foo", {"bar": "a=b{c"}),
        ('foo{bar="quoted"}', "foo", {"bar": '"quoted"'}),
        ("foo{bar=\u20ac \U0001f525}", "foo", {"bar": "\u20ac \U0001f525"}),
        ("foo{bar=1}trailing", "foo", {"bar": "1"}),
        ("foo{bar=1}baz=2}", "foo", {"bar": "1", "baz": "2"}),
        ("foo{bar=1,baz=2", "foo", {"bar": "1"}),
        ("foo{bar", "foo", {}),
        ("foo{bar}", "foo", {}),
        ("foo{__name__=other,bar=1}", "other", {"bar": "1"}),
        ("foo{__name__=not checked!}", "not checked!", {}),
        ("foo{__session_id__=5}", "foo", {"__session_id__": "5"}),
    ],
)
def test_a_name_is_an_application_with_labels(text: str, app_name: str, labels: dict[str, str]) -> None:
    assert parse_name(text) == (app_name, labels)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "name: service name is required"),
        ("  ", "name: service name is required"),
        ("{bar=1}", "name: service name is required"),
        ("sh op", "name: invalid service name: sh op: character is not allowed: ' '"),
        ("shop'", r"name: invalid service name: shop': character is not allowed: '\''"),
        ("a\nb", "name: invalid service name: a\nb: character is not allowed: '\\n'"),
        ("a\x01", "name: invalid service name: a\x01: character is not allowed: '\\x01'"),
        ("caf\u00e9", "name: invalid service name: caf\u00e9: character is not allowed: '\u00e9'"),
        ("a\u00a0b", "name: invalid service name: a\u00a0b: character is not allowed: '\\u00a0'"),
        ("foo{=1}", "name: label name is required"),
        ("foo{ =1}", "name: label name is required"),
        ("foo{a-b=1}", "name: invalid label name: a-b: character is not allowed: '-'"),
        ("foo{a=1,,b=2}", "name: invalid label name: ,b: character is not allowed: ','"),
        ("foo{{a=1}", "name: invalid label name: {a: character is not allowed: '{'"),
    ],
)
def test_a_bad_name_is_rejected_with_the_character(text: str, message: str) -> None:
    with pytest.raises(RpcError) as rejected:
        parse_name(text)
    assert (rejected.value.http_status, rejected.value.message) == (400, message)


def test_absent_parameters_have_defaults() -> None:
    assert parse_ingest_request("name=app", 5) == IngestRequest(
        app_name="app",
        labels={},
        from_=None,
        until=None,
        sample_rate=100,
        spy_name="unknown",
        units="samples",
        aggregation_type="sum",
        format="",
    )


def test_every_parameter_is_read() -> None:
    query = (
        "aggregationType=average&from=1795379970000000000&name=go.shop%7Bregion%3Deu-north%2Cpath%3D%2Fa+b%2B%7D"
        "&sampleRate=97&spyName=gospy&units=goroutines&until=1795379980&format=pprof&name=second"
    )
    read = parse_ingest_request(query, 5)
    assert (read.app_name, read.labels) == ("go.shop", {"region": "eu-north", "path": "/a b+"})
    assert (read.from_ and read.from_.ns, read.until and read.until.ns) == (
        1_795_379_970_000_000_000,
        1_795_379_980_000_000_000,
    )
    assert (read.sample_rate, read.spy_name, read.units) == (97, "gospy", "goroutines")
    assert (read.aggregation_type, read.format) == ("average", "pprof")


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("0", 0),
        ("100", 100),
        ("%2B7", 7),
        ("-1", 100),
        ("", 100),
        ("1e3", 100),
        ("4294967296", 100),
        ("9" * 5_000, 100),
    ],
)
def test_a_sample_rate_is_a_32_bit_number_or_else_100(text: str, rate: int) -> None:
    assert parse_ingest_request(f"name=app&sampleRate={text}", 5).sample_rate == rate


@pytest.mark.parametrize("filler", ["=", "{", ",", "a=", "a=b,", "{=", " ", "%7B", "&name="])
def test_a_long_name_is_read_in_linear_time(filler: str) -> None:
    with costing_at_most(seconds=5), suppress(RpcError):
        parse_ingest_request(f"name=app%7Bkey%3D{filler * 100_000}", 5)


@pytest.mark.parametrize(
    "other",
    [
        "spyName=gospy&name=app%7Ba%3D1%2Cb%3D2%7D&from=1577836800",
        "name=app%7Bb%3D2%2C+a%3D1%7D&from=20200101&spyName=gospy",
        "name=app%7Bb%3D2%2Ca%3D1%7D&spyName=gospy&from=1577836800&sampleRate=100&until=now",
    ],
)
def test_equivalent_queries_have_one_canonical_form(other: str) -> None:
    query = "name=app%7Bb%3D2%2Ca%3D1%7D&spyName=gospy&from=1577836800"
    assert parse_ingest_request(other, 7).canonical() == parse_ingest_request(query, 5).canonical()


@pytest.mark.parametrize(
    "other", ["name=app2", "name=app%7Ba%3D1%7D", "name=app&from=1", "name=app&until=1", "name=app&units=x"]
)
def test_different_queries_have_different_canonical_forms(other: str) -> None:
    assert parse_ingest_request(other, 5).canonical() != parse_ingest_request("name=app", 5).canonical()
