"""Times of queries in every notation that clients and people use."""

import re

import pytest

from flamehouse.errors import Code, RpcError
from flamehouse.model.at_time import parse_attime

NOW_S = 1_577_836_800
SECOND = 10**9
DAY = 86_400
END_OF_TIME = (1 << 63) - 1


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("20200101", NOW_S * SECOND),
        ("2020_01_01", NOW_S * SECOND),
        (" 2020,01,01 ", NOW_S * SECOND),
        ("19700101", 0),
        ("19000101", 19_000_101 * SECOND),
        ("20201301", 20_201_301 * SECOND),
        ("20200230", 20_200_230 * SECOND),
        ("0", 0),
        ("1577836800", NOW_S * SECOND),
        ("1577836800001", NOW_S * SECOND + 1_000_000),
        ("1577836800000001", NOW_S * SECOND + 1_000),
        ("1577836800000000001", NOW_S * SECOND + 1),
        ("9999999999999999999", END_OF_TIME),
        ("99999999999999", END_OF_TIME),
        ("9" * 10_000, END_OF_TIME),
        ("1577836800.5", NOW_S * SECOND + 500_000_000),
        ("1577836800.", NOW_S * SECOND),
        ("1577836800.0000000019", NOW_S * SECOND + 1),
        ("1577836800001.25", NOW_S * SECOND + 1_250_000),
        (f"{'9' * 30}.5", END_OF_TIME),
    ],
)
def test_digits_are_a_date_or_a_unix_time(text: str, ns: int) -> None:
    time = parse_attime(text, 123, "from")
    assert (time.ns, time.absolute) == (ns, True)


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("2020-01-01", NOW_S * SECOND),
        ("2020-01-01T00:00:00Z", NOW_S * SECOND),
        ("2020-01-01T00:00:00", NOW_S * SECOND),
        ("2020-01-01 00:00:00", NOW_S * SECOND),
        ("2020-01-01T02:30:00+02:30", NOW_S * SECOND),
        ("20200101T000000Z", NOW_S * SECOND),
        ("2020-01-01T00:00:00.123456789Z", NOW_S * SECOND + 123_456_789),
        ("2020-01-01T00:00:00,5-00:00", NOW_S * SECOND + 500_000_000),
        ("20200101T000000.25", NOW_S * SECOND + 250_000_000),
        ("1969-12-31T23:59:59Z", 0),
        ("9999-12-31", END_OF_TIME),
    ],
)
def test_iso_8601_is_read_to_the_nanosecond(text: str, ns: int) -> None:
    time = parse_attime(text, 123, "from")
    assert (time.ns, time.absolute) == (ns, True)


@pytest.mark.parametrize(
    ("text", "offset_s"),
    [
        ("now", 0),
        ("", 0),
        ("now-1s", -1),
        ("now+1s", 1),
        ("now-1min", -60),
        ("now-1m", -60),
        ("now-1minutes", -60),
        ("now-1h", -3_600),
        ("now-1d", -DAY),
        ("now-1w", -7 * DAY),
        ("now-1mon", -30 * DAY),
        ("now-1M", -30 * DAY),
        ("now-1y", -365 * DAY),
        ("-2h", -7_200),
        ("now - 1 h", -3_600),
        ("now-1h30m", -5_400),
        ("now-1h+2h", 3_600),
    ],
)
def test_offsets_count_from_now(text: str, offset_s: int) -> None:
    time = parse_attime(text, NOW_S * SECOND, "from")
    assert (time.ns, time.absolute) == ((NOW_S + offset_s) * SECOND, False)


@pytest.mark.parametrize(
    "text",
    [
        "yesterday",
        "-",
        "-5",
        "now-1",
        "now-1parsec",
        "now/d",
        "now1h",
        "1.5e9",
        "1.2.3",
        ".5",
        "2020-13-01",
        "2020-01-01T25:00:00Z",
        "2020-01-01T00:00:00Z and more",
        "now-\u0661h",
        "\u0661\u0662",
        "x" * 10_000,
    ],
)
def test_a_time_that_cannot_be_read_is_an_error_that_names_it(text: str) -> None:
    with pytest.raises(
        RpcError, match=rf"^until: invalid time {re.escape(repr(text)[:30])}.*ISO 8601"
    ) as raised:
        parse_attime(text, NOW_S * SECOND, "until")
    assert raised.value.code is Code.INVALID_ARGUMENT
    assert len(raised.value.message) < 300


@pytest.mark.parametrize(("text", "ns"), [(f"now-{'9' * 9_999}y", 0), (f"now+{'9' * 9_999}y", END_OF_TIME)])
def test_times_stay_within_64_bits(text: str, ns: int) -> None:
    assert parse_attime(text, NOW_S * SECOND, "from").ns == ns
