"""Times of /ingest in Graphite's `at` notation."""

import pytest

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
    ],
)
def test_digits_are_a_date_or_a_unix_time(text: str, ns: int) -> None:
    time = parse_attime(text, now_ns=123)
    assert (time.ns, time.absolute) == (ns, True)


@pytest.mark.parametrize(
    ("text", "offset_s"),
    [
        ("now", 0),
        ("", 0),
        ("rubbish", 0),
        ("-", 0),
        ("now-1", 0),
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
        ("now-1h30m", -3_600),
        ("now-1h+2h", 7_200),
        ("now-1parsec", 0),
        ("now-\u0661h", 0),
        ("\u0661\u0662", 0),
    ],
)
def test_anything_else_counts_from_now(text: str, offset_s: int) -> None:
    time = parse_attime(text, now_ns=NOW_S * SECOND)
    assert (time.ns, time.absolute) == ((NOW_S + offset_s) * SECOND, False)


@pytest.mark.parametrize(("text", "ns"), [(f"now-{'9' * 9_999}y", 0), (f"now+{'9' * 9_999}y", END_OF_TIME)])
def test_times_stay_within_64_bits(text: str, ns: int) -> None:
    assert parse_attime(text, now_ns=NOW_S * SECOND).ns == ns
