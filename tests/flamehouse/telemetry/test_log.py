"""Lines of the log: readable or JSON, without injected content, and limited if they repeat."""

import json
import logging

import pytest

from flamehouse.telemetry import events
from flamehouse.telemetry.events import LOGGER
from flamehouse.telemetry.local import JsonLines, ReadableLines
from flamehouse.telemetry.log import LimitRepeats, log, log_exception
from flamehouse.telemetry.request import RequestFacts, note_error, request

FACTS = {"request_id": "4f", "tenant": "team"}


def record_of(caplog: pytest.LogCaptureFixture, reason: str) -> logging.LogRecord:
    with request(RequestFacts(**FACTS)):
        log(events.FOLDER_FAILED, path="data/adhoc", reason=reason)
    return caplog.records[-1]


def test_a_readable_line_has_time_level_text_and_the_other_fields(caplog: pytest.LogCaptureFixture) -> None:
    line = ReadableLines().format(record_of(caplog, "disk full"))
    time, level, rest = line.split(" ", 2)
    assert (time[-1], level) == ("Z", "ERROR")
    assert rest == (
        "the folder data/adhoc cannot be used: disk full  event=folder_failed path=data/adhoc "
        'reason="disk full" request_id=4f tenant=team'
    )


@pytest.mark.parametrize("smuggled", ["a\nERROR forged", "a\x1b[31m", "\u2028forged"])
def test_a_log_record_is_one_line_whatever_it_quotes(caplog: pytest.LogCaptureFixture, smuggled: str) -> None:
    record = record_of(caplog, smuggled)
    for formatter in (ReadableLines(), JsonLines()):
        assert formatter.format(record).isprintable()


def test_a_log_record_is_valid_utf_8_whatever_it_quotes(caplog: pytest.LogCaptureFixture) -> None:
    record = record_of(caplog, "half a pair: \ud800")
    assert record.getMessage().encode().endswith(rb"half a pair: \ud800")
    assert record.__dict__["reason"].encode() == rb"half a pair: \ud800"


def test_a_json_log_line_has_the_fields_as_members(caplog: pytest.LogCaptureFixture) -> None:
    line = json.loads(JsonLines().format(record_of(caplog, "disk full")))
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "level": "ERROR",
        "message": "the folder data/adhoc cannot be used: disk full",
        "event": "folder_failed",
        "path": "data/adhoc",
        "reason": "disk full",
        **FACTS,
    }


def test_a_traceback_follows_its_line(caplog: pytest.LogCaptureFixture) -> None:
    try:
        int("the fault")
    except ValueError:
        log_exception(events.REQUEST_FAILED, path="/ingest")
    record = caplog.records[-1]
    assert ReadableLines().format(record).endswith("'the fault'")
    assert "'the fault'" in json.loads(JsonLines().format(record))["exception"]


def test_five_equal_lines_pass_and_a_later_one_counts_the_suppressed_ones() -> None:
    now = 0.0
    limit = LimitRepeats(clock=lambda: now)
    records = [
        logging.LogRecord(LOGGER, logging.ERROR, "", 0, "x %s", (number,), None) for number in range(9)
    ]
    assert [limit.filter(record) for record in records] == [True] * 5 + [False] * 4
    other = logging.LogRecord(LOGGER, logging.ERROR, "", 0, "y", (), None)
    assert limit.filter(other)
    now = 61.0
    assert limit.filter(records[0])
    assert vars(records[0])["suppressed"] == 4


@pytest.mark.parametrize(
    ("message", "detail"),
    [
        ("label 'secret' is too long", "label … is too long"),
        ('profile {service="a", user="me"} is too old', "profile … is too old"),
        ('unclosed "secret', "unclosed …"),
        ("plain", "plain"),
        ("x" * 1_000, "x" * 300),
    ],
)
def test_a_log_line_omits_the_request_text_that_an_error_quotes(message: str, detail: str) -> None:
    with request(RequestFacts()) as facts:
        note_error("invalid_argument", message)
    assert (facts.reason, facts.detail) == ("invalid_argument", detail)
