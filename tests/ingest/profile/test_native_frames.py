"""Frames without a function are named by their mapping and address, and stored unchanged."""

import pytest

from flamehouse.pb.profile_pb2 import Mapping
from flamehouse.settings import Settings
from tests.support.uploads.parts import locations_of, names_by_sample, parts_of
from tests.support.uploads.profiles import Frame, pprof_of, sample
from tests.support.uploads.uploads import YEAR_2026_NS

TIME_MS = YEAR_2026_NS // 10**6
BY_MAPPING = Settings(ingest_window_past_s=0, native_frames="mapping")
BY_ADDRESS = Settings(ingest_window_past_s=0)


def frames(
    stack: list[Frame],
    file: str = "/usr/bin/server",
    settings: Settings = BY_ADDRESS,
    *,
    has_functions: bool = False,
) -> list[str]:
    """Returns the drawn frames of a profile with one stack in one mapped file."""
    message = pprof_of(
        [sample(stack, 1)],
        time_ms=TIME_MS,
        mapping=Mapping(id=1, memory_start=0x1000, has_functions=has_functions),
    )
    message.mapping[0].filename = len(message.string_table)
    message.string_table.append(file)
    [part] = parts_of(message, settings=settings)
    assert [location.address for location in locations_of(part)[0] if not location.lines] == [
        frame for frame in stack if isinstance(frame, int)
    ]
    [names] = names_by_sample(part)
    return names


@pytest.mark.parametrize(
    ("file", "by_address", "by_mapping"),
    [
        ("/usr/bin/server", "server!0x1040", "[server]"),
        ("libc.so.6", "libc.so.6!0x1040", "[libc.so.6]"),
        ("C:\\Program Files\\app.exe", "app.exe!0x1040", "[app.exe]"),
        ("[vdso]", "[vdso]!0x1040", "[vdso]"),
        ("/opt/dir/", "/opt/dir/!0x1040", "[/opt/dir/]"),
        ("", "0x1040", "[unknown]"),
    ],
)
def test_native_frames_are_named_after_the_mapped_file(file: str, by_address: str, by_mapping: str) -> None:
    assert frames([0x1040], file) == [by_address]
    assert frames([0x1040], file, BY_MAPPING) == [by_mapping]


def test_frames_of_one_mapping_are_merged_when_drawn_by_mapping() -> None:
    stack: list[Frame] = [0x1040, 0x1050, "main", "main", 0x1060, 0x1060]
    assert frames(stack, settings=BY_MAPPING) == ["[server]", "main", "main", "[server]"]
    assert frames(stack) == [
        "server!0x1040",
        "server!0x1050",
        "main",
        "main",
        "server!0x1060",
        "server!0x1060",
    ]


def test_the_address_of_a_native_frame_is_stored_in_a_mapping_that_has_functions() -> None:
    assert frames(["main", 0x1040, 0x1050], has_functions=True) == ["main", "server!0x1040", "server!0x1050"]


def test_a_stack_drawn_differently_is_another_stack() -> None:
    message = pprof_of([sample([0x1040], 1)], time_ms=TIME_MS)
    [one], [other] = (parts_of(message, settings=each) for each in (BY_ADDRESS, BY_MAPPING))
    assert one.stacktrace_ids != other.stacktrace_ids
