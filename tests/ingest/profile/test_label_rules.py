"""Label sets: their form in messages, and which are rejected."""

import pytest

from flamehouse.errors import RpcError
from flamehouse.model.labels import format_labels, quoted, unique_labels, validate_labels
from flamehouse.settings import Settings
from tests.support.costs import costing_at_most

SETTINGS = Settings(max_label_names=4, max_label_name_bytes=12, max_label_value_bytes=10)
GOOD = {"__name__": "qux", "service_name": "svc"}


def test_a_label_set_is_written_sorted() -> None:
    assert format_labels([("c", "d"), ("a", "b")]) == '{a="b", c="d"}'
    assert format_labels([]) == "{}"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("plain \u20ac \U0001f525", '"plain \u20ac \U0001f525"'),
        ('a"b\\c', r'"a\"b\\c"'),
        ("\a\b\f\n\r\t\v", r'"\a\b\f\n\r\t\v"'),
        ("\x00\x1f\x7f", r'"\x00\x1f\x7f"'),
        ("\u00a0\u200b\U000e0001", r'"\u00a0\u200b\U000e0001"'),
    ],
)
def test_values_are_quoted_as_in_go(text: str, written: str) -> None:
    assert quoted(text) == written


def test_a_huge_label_set_is_not_written_in_full() -> None:
    with costing_at_most(seconds=5):
        written = format_labels((f"name{number}", "\n" * 1_000) for number in range(20_000))
    assert len(written) < 20_000


@pytest.mark.parametrize(
    "labels",
    [
        GOOD,
        {**GOOD, "otel.scope": "x"},
        {**GOOD, "caf\u00e9 \U0001f525": ""},
        {**GOOD, "0'; DROP --": "\x00\n\x7f"},
        {"__name__": "any thing!", "service_name": "-"},
    ],
)
def test_any_utf8_is_a_valid_label(labels: dict[str, str]) -> None:
    validate_labels(labels, SETTINGS)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({}, "error at least one label pair is required per profile"),
        (
            {**GOOD, "a": "1", "b": "2", "c": "3"},
            """profile series '{__name__="qux", a="1", b="2", c="3", service_name="svc"}' has 5 label names; limit 4 (MAX_LABEL_NAMES)""",
        ),
        (
            {"service_name": "svc"},
            """invalid labels '{service_name="svc"}' with error: invalid metric name""",
        ),
        (
            {**GOOD, "__name__": "a:b"},
            """invalid labels '{__name__="a:b", service_name="svc"}' with error: invalid metric name""",
        ),
        (
            {"__name__": "qux"},
            """invalid labels '{__name__="qux"}' with error: service name is not provided""",
        ),
        (
            {**GOOD, "": "x"},
            """invalid labels '{="x", __name__="qux", service_name="svc"}' with error: invalid label name ''""",
        ),
        (
            {**GOOD, "fooooooooooooooo": "x"},
            """profile with labels '{__name__="qux", fooooooooooooooo="x", service_name="svc"}' has label name too long: 'fooooooooooooooo' (16 bytes, MAX_LABEL_NAME_BYTES=12)""",
        ),
        (
            {**GOOD, "foo": "barrrrrrrrrr"},
            """profile with labels '{__name__="qux", foo="barrrrrrrrrr", service_name="svc"}' has label value too long: 'barrrrrrrrrr' (12 bytes, MAX_LABEL_VALUE_BYTES=10)""",
        ),
        (
            {**GOOD, "foo": "\u20ac\u20ac\u20ac\u20ac"},
            """profile with labels '{__name__="qux", foo="\u20ac\u20ac\u20ac\u20ac", service_name="svc"}' has label value too long: '\u20ac\u20ac\u20ac\u20ac' (12 bytes, MAX_LABEL_VALUE_BYTES=10)""",
        ),
        (
            {**GOOD, "foo": "\ud800"},
            """invalid labels '{__name__="qux", foo="\\ud800", service_name="svc"}' with error: invalid label value '\ud800'""",
        ),
        (
            {**GOOD, "\udfff": "x"},
            """invalid labels '{__name__="qux", service_name="svc", \udfff="x"}' with error: invalid label name '\udfff'""",
        ),
    ],
)
def test_an_invalid_series_is_rejected_with_pyroscopes_message(labels: dict[str, str], message: str) -> None:
    with pytest.raises(RpcError) as rejected:
        validate_labels(labels, SETTINGS)
    assert rejected.value.message == message


def test_a_repeated_name_is_rejected() -> None:
    with pytest.raises(RpcError) as rejected:
        unique_labels([("__name__", "qux"), ("foo", "1"), ("foo", "2")])
    assert rejected.value.message == (
        """profile with labels '{__name__="qux", foo="1", foo="2"}' has duplicate label name: 'foo'"""
    )
