"""Files of perf, austin, Instruments, Chrome, Firefox and dotnet-trace by POST /ingest, in any text encoding."""

import gzip
from collections.abc import Mapping

import pytest

from ingest.formats import format_of
from tests.support.uploads import files
from tests.support.uploads.parts import values_by_stack
from tests.support.uploads.uploads import Ingest, rejection

CPU = "process_cpu:cpu:nanoseconds:cpu:nanoseconds"
WALL = "wall:wall:nanoseconds:cpu:nanoseconds"
BYTES = "memory:samples:bytes::"
MS = 1_000_000

type Stored = Mapping[tuple[str, str], Mapping[str, int]]
"""The values by stack of each profile type and `profile_name`."""

AUSTIN_STACKS = {
    "P12;T0:77;/app/my app.py:main:3": 20_000,
    "P12;T0:77;/app/my app.py:main:3;/app/my app.py:work:9": 250_000,
}
CHROME = {
    (CPU, "CrRendererMain"): {"main": 40_000, "main;work": 25_000},
    (CPU, "DedicatedWorker"): {"onmessage": 7_000},
}
FIREFOX = {(WALL, "GeckoMain"): {"main": 2 * MS, "main;poll": 2 * MS, "main;work": 4 * MS}}
MIB = 1 << 20
TEXT: Mapping[str, tuple[str, bytes, Stored]] = {
    "perf without -g": (
        "perf_script",
        files.PERF_WITHOUT_STACKS,
        {(CPU, ""): {"cat;read (inlined)": 10 * MS, "dd;copy_page": 20 * MS}},
    ),
    "austin": ("austin", files.AUSTIN_WALL, {(WALL, ""): AUSTIN_STACKS}),
    "austin -f": (
        "austin",
        files.AUSTIN_FULL,
        {
            (WALL, ""): {"P12;T7;a.py:main:3": 100_000, "P12;T7;a.py:main:3;a.py:wait:5": 300_000},
            (CPU, ""): {"P12;T7;a.py:main:3": 100_000},
            (BYTES, ""): {"P12;T7;a.py:main:3": 2_048},
        },
    ),
    "austin -m": ("austin", files.AUSTIN_MEMORY, {(BYTES, ""): {"P12;T7;a.py:main:3": 1_024}}),
    "Instruments": (
        "instruments",
        files.INSTRUMENTS,
        {(CPU, ""): {"start;main": 30 * MS, "start;main;delta()": 1_500 * MS}},
    ),
    "Instruments, bytes": (
        "instruments",
        files.INSTRUMENTS_OF_BYTES,
        {(BYTES, ""): {"start": MIB // 2, "start;calloc": MIB // 2, "start;malloc": 2 * MIB}},
    ),
    "Instruments, cycles": (
        "instruments",
        files.INSTRUMENTS_OF_CYCLES,
        {("process_cpu:cycles:count::", ""): {"app (40414);other": 532, "app (40414);start": 1_500_000_000}},
    ),
}
JSON: Mapping[str, tuple[str, bytes, Stored]] = {
    "Chrome": ("chrome_trace", files.CHROME_TRACE, CHROME),
    "Chrome, a list": ("chrome_trace", files.CHROME_TRACE_AS_LIST, CHROME),
    "Firefox": ("firefox", files.FIREFOX, FIREFOX),
    "Firefox, shared strings": ("firefox", files.FIREFOX_SHARED, FIREFOX),
    "Firefox, shared tables": ("firefox", files.FIREFOX_WITH_OFFSETS, FIREFOX),
    "Firefox, bytes": (
        "firefox",
        files.FIREFOX_OF_BYTES,
        {(BYTES, "dhat"): {"main": 7, "main;poll": 9, "main;work": 11}},
    ),
    "Firefox, as recorded": (
        "firefox",
        files.FIREFOX_AS_RECORDED,
        {
            (WALL, "GeckoMain"): {"main": 2 * MS, "main;XUL!0x234": 2 * MS, "main;work": 4 * MS},
            (WALL, "Content"): {"main": 2 * MS, "main;0x1234": 2 * MS, "main;work": 4 * MS},
        },
    ),
    "dotnet-trace": (
        "speedscope",
        files.DOTNET_TRACE,
        {
            (WALL, f"Thread ({thread})"): {
                "Main;CPU_TIME": 2_750_000,
                "Main;System.Threading.Wait()": 7_250_000,
            }
            for thread in (101, 102)
        },
    ),
}


def stored(body: bytes, query: str = "name=shop") -> Stored:
    ingest = Ingest()
    response = ingest.post(body, query)
    assert response.status_code == 200, response.text
    return {
        (part.profile_type, dict(part.labels).get("profile_name", "")): dict(values_by_stack(part))
        for part in ingest.uploads[0].profiles
    }


@pytest.mark.parametrize(
    ("format_", "body", "expected"), [*TEXT.values(), *JSON.values()], ids=[*TEXT, *JSON]
)
def test_a_file_is_recognised_by_its_content_and_read_in_its_units(
    format_: str, body: bytes, expected: Stored
) -> None:
    for sent in (body, gzip.compress(body, mtime=0), b"\xef\xbb\xbf" + body, body.decode().encode("utf-16")):
        assert format_of("", "", sent) == format_
        assert stored(sent) == expected
    assert stored(body, f"name=shop&format={format_}") == expected


@pytest.mark.parametrize(("format_", "body", "expected"), [*TEXT.values()], ids=[*TEXT])
def test_line_endings_whitespace_and_comments_change_nothing(
    format_: str, body: bytes, expected: Stored
) -> None:
    for sent in (body.replace(b"\n", b"\r\n"), body.replace(b"\n", b" \t\n"), body + b"\n \n", body.rstrip()):
        assert format_of("", "", sent + b"\n") == format_
        assert stored(sent + b"\n") == expected


def test_austin_is_read_in_microseconds_whatever_the_unit_of_the_upload() -> None:
    assert stored(files.AUSTIN_WALL, "name=shop&format=folded") == {(WALL, ""): AUSTIN_STACKS}


def test_the_application_name_may_choose_another_type_of_the_same_unit() -> None:
    assert stored(files.AUSTIN_WALL, "name=shop.cpu") == {(CPU, ""): AUSTIN_STACKS}
    assert [*stored(files.INSTRUMENTS_OF_BYTES, "name=shop.alloc_space")] == [
        ("memory:alloc_space:bytes::", "")
    ]


@pytest.mark.parametrize(
    ("body", "query", "reason"),
    [
        (files.CHROME_TRACE_OF_TASKS, "", "the category disabled-by-default-v8.cpu_profiler"),
        (files.FIREFOX_RECORDED_WITHOUT_STACKS, "", "the schema of stackTable has no prefix"),
        (files.FIREFOX_RECORDED_WITH_ODD_ROWS, "", "the rows of frameTable are not lists"),
        (files.FIREFOX_CALLING_ITSELF, "", "its own ancestor"),
        (files.FIREFOX_WITHOUT_NAMES, "", "is not in stackTable, or its frame, function or name is missing"),
        (files.FIREFOX.replace(b'"samples"}', b'"eons"}'), "", "unknown weightType 'eons'"),
        (files.FIREFOX_OF_BYTES, ".cpu", "selects cpu, but the profile measures samples (bytes)"),
        (files.AUSTIN_WALL, ".alloc_space", "the profile measures time"),
        (
            files.AUSTIN_WALL + b"P1;T1;a soon\n",
            "",
            "line 10: mode wall requires a stack, a space and an integer",
        ),
        (
            files.AUSTIN_FULL + b"P1;T1;a 5\n",
            "",
            "line 5: mode full requires a stack, a space and time, idle state and size",
        ),
        (files.AUSTIN_FULL.replace(b"full", b"odd"), "", "unknown austin mode 'odd'"),
        (files.INSTRUMENTS.replace(b"1.50 s\t", b"1.50 parsec\t"), "", "line 4: unknown unit 'parsec'"),
        (
            files.INSTRUMENTS.replace(b"1.50 s\t", b"1.50 MB\t"),
            "",
            "line 4: the unit 'MB' is not a unit of cpu",
        ),
        (files.INSTRUMENTS.replace(b"     delta", b"       delta"), "", "row 3: 'delta()' is indented"),
        (files.INSTRUMENTS + b"1 s\n", "", "line 5: expected 3 tab-separated columns"),
        (b"Weight\tName\n1 s\tmain\n", "", "expected a tab-separated header"),
        (b'{"hello": [1, 2]}', "", "looks like JSON in an unknown format"),
        (b'{"flamebearer": {}, "metadata": {}}', "", "only supported as an ad hoc profile"),
        (b"[" + b"[]," * 1_100_000 + b"{}]", "&format=firefox", "more than 1048576 objects and lists"),
        (b"[" + b"0," * 4_200_000 + b"0]", "&format=firefox", "more than 4194304 commas"),
    ],
)
def test_an_unsupported_file_is_rejected_with_the_reason(body: bytes, query: str, reason: str) -> None:
    ingest = Ingest()
    status, _, message = rejection(ingest.post(body, f"name=shop{query}"))
    assert (status, reason in message, ingest.uploads) == (422, True, []), message


def test_a_rejection_names_the_detected_and_the_supported_formats() -> None:
    _, _, message = rejection(Ingest().post(files.INSTRUMENTS + b"1 s\n", "name=shop"))
    assert "the content was read as instruments (supported formats: pprof, JFR, speedscope" in message
    _, _, message = rejection(Ingest().post(files.INSTRUMENTS + b"1 s\n", "name=shop&format=instruments"))
    assert "was read as" not in message


def test_a_json_file_beyond_the_limit_is_an_error_that_names_the_setting() -> None:
    _, _, message = rejection(Ingest().post(b'{"traceEvents":[' + b" " * (33 << 20) + b"]}", "name=shop"))
    assert "MAX_JSON_BYTES=33554432" in message
