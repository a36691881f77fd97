"""Locations, functions and mappings as stored: the same for the same code, whatever the build's layout."""

from collections.abc import Sequence

import pytest

from flamehouse.pb.profile_pb2 import Line, Location, Mapping, Profile
from flamehouse.settings import Settings
from tests.support.uploads.parts import locations_of, names_by_sample, parts_of, values_by_stack
from tests.support.uploads.profiles import Frame, names_of, pprof_of, sample
from tests.support.uploads.uploads import YEAR_2026_NS

TIME_MS = YEAR_2026_NS // 10**6


def profile(*stacks: Sequence[Frame], mapping: Mapping | None = None) -> Profile:
    """Returns a profile of the stacks, with values from 1 up."""
    samples = [sample(stack, value) for value, stack in enumerate(stacks, start=1)]
    return pprof_of(samples, time_ms=TIME_MS, mapping=mapping)


def build(start: int, *, has_functions: bool) -> Profile:
    """Returns `main;work` of a build that is mapped from `start` on, with ids numbered from there too."""
    message = profile(
        "mw",
        mapping=Mapping(
            id=start,
            memory_start=start,
            memory_limit=start + 0x1000,
            file_offset=start // 2,
            has_functions=has_functions,
        ),
    )
    for each in message.location:
        each.address = start + each.id
        each.id += start
        each.line[0].function_id += start
    for function in message.function:
        function.id += start
    message.sample[0].location_id[:] = [id_ + start for id_ in message.sample[0].location_id]
    return message


def test_builds_of_one_program_share_their_stacks() -> None:
    [one], [other] = (parts_of(build(start, has_functions=True)) for start in (0x1000, 0x777000))
    assert one.stacktrace_ids == other.stacktrace_ids
    assert one.symbols == other.symbols
    [mapping] = one.symbols.mappings.values()
    assert (mapping.memory_start, mapping.memory_limit, mapping.file_offset) == (0, 0, 0)
    assert [location.address for location in one.symbols.locations.values()] == [0, 0]


def test_unnamed_addresses_are_retained() -> None:
    [one], [other] = (parts_of(build(start, has_functions=False)) for start in (0x1000, 0x777000))
    assert one.stacktrace_ids != other.stacktrace_ids
    assert values_by_stack(one) == values_by_stack(other) == [("m;w", 1)]
    [mapping] = one.symbols.mappings.values()
    assert (mapping.memory_start, mapping.memory_limit, mapping.file_offset) == (0x1000, 0x2000, 0x800)
    assert sorted(location.address for location in one.symbols.locations.values()) == [0x1001, 0x1002]


def test_a_mapping_retains_its_file_build_id_and_flags() -> None:
    message = profile("a", mapping=Mapping(id=7, has_filenames=True, has_inline_frames=True))
    first = len(message.string_table)
    message.string_table.extend(["/bin/app", "c0ffee"])
    message.mapping[0].filename, message.mapping[0].build_id = first, first + 1
    [part] = parts_of(message)
    [mapping] = part.symbols.mappings.values()
    assert (mapping.filename, mapping.build_id, mapping.flags) == ("/bin/app", "c0ffee", 0b1010)
    assert [location.mapping_id for location in part.symbols.locations.values()] == [mapping.id]


def test_inlined_functions_have_the_enclosing_function_as_caller() -> None:
    [part] = parts_of(profile(["main", ("called", "inlined", "innermost"), "leaf"]))
    assert names_by_sample(part) == [["main", "called", "inlined", "innermost", "leaf"]]
    [_, location, _] = locations_of(part)[0]
    functions = part.symbols.functions
    names = [functions[line.function_id].name for line in location.lines]
    assert names == ["innermost", "inlined", "called"]


def test_equal_locations_are_merged() -> None:
    message = profile("aba")
    outer, inner = message.location
    message.location.add(id=9, line=outer.line)
    message.sample.add(location_id=[9, inner.id, 9], value=[5])
    [part] = parts_of(message)
    assert len(part.symbols.locations) == 2
    assert [value for _, value in values_by_stack(part)] == [6]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Line(function_id=1, line=1), Line(function_id=1, line=2)),
        (Line(function_id=1, line=1), Line(function_id=1, line=1, column=1)),
        (Line(function_id=1, line=1), Line(function_id=2, line=1)),
    ],
    ids=["line", "column", "function"],
)
def test_locations_that_differ_in_a_line_are_not_merged(one: Line, other: Line) -> None:
    message = profile("ab")
    message.location[0].line[0].CopyFrom(one)
    message.location[1].line[0].CopyFrom(other)
    [part] = parts_of(message)
    assert len(part.symbols.locations) == 2


def test_different_functions_with_the_same_name_are_not_merged() -> None:
    message = profile("abcd")
    for number, function in enumerate(message.function):
        function.name = message.function[0].name
        function.start_line = number
    [part] = parts_of(message)
    assert len(part.symbols.functions) == 4
    assert len({function.name_id for function in part.symbols.functions.values()}) == 1
    assert names_by_sample(part) == [[message.string_table[message.function[0].name]] * 4]


@pytest.mark.parametrize(
    ("location", "names"),
    [
        (Location(id=2), ["a", "c"]),
        (Location(id=2, address=0x40), ["a", "0x40", "c"]),
        (Location(id=2, line=[Line(function_id=99)]), ["a", "c"]),
        (Location(id=2, line=[Line(function_id=99)], address=0x40), ["a", "0x40", "c"]),
        (Location(id=2, line=[Line(function_id=99), Line(function_id=2)]), ["a", "b", "c"]),
        (Location(id=2, line=[Line(function_id=2)], mapping_id=99), ["a", "b", "c"]),
    ],
)
def test_dangling_references_are_dropped(location: Location, names: list[str]) -> None:
    message = profile("abc")
    [index] = [index for index, each in enumerate(message.location) if each.id == 2]
    message.location[index].CopyFrom(location)
    [part] = parts_of(message)
    assert names_by_sample(part) == [names]
    assert len(locations_of(part)[0]) == len(names)


def test_samples_with_missing_locations_keep_the_others() -> None:
    message = profile("ab", "c")
    message.sample[0].location_id[:] = [98, *message.sample[0].location_id, 99]
    [part] = parts_of(message)
    assert values_by_stack(part) == [("a;b", 1), ("c", 2)]


LIMIT = 10
SHALLOW = Settings(ingest_window_past_s=0, max_stack_depth=LIMIT)


@pytest.mark.parametrize(
    "stack",
    [
        list("abcdefghij"),
        list("abcdefghijk"),
        list("abcdefghijklmnopq"),
        [*"abcdefghi", ("j", "k")],
        [*"abcdefghij", ("k", "l")],
        [("a", "b", "c"), ("d", "e", "f"), ("g", "h", "i")],
        [("a", "b", "c"), ("d", "e", "f"), ("g", "h", "i"), ("j", "k", "l")],
        [("a", "b", "c"), ("d", "e", "f"), ("g", "h"), ("j", "k", "l"), "m"],
        [tuple("abcdefghijklm")],
        ["a", tuple("bcdefghijklmno"), "p"],
        ["a"] * 30,
    ],
)
def test_a_deep_stack_retains_its_outermost_frames(stack: list[Frame]) -> None:
    [part] = parts_of(profile(stack), settings=SHALLOW)
    assert names_by_sample(part) == [names_of(stack)[:LIMIT]]


def test_frames_without_a_function_count_towards_the_depth() -> None:
    [part] = parts_of(profile([*"abcde", 1, 2, *"fghijk"]), settings=SHALLOW)
    assert names_by_sample(part) == [[*"abcde", "0x1", "0x2", *"fgh"]]


def test_stacks_that_differ_only_below_the_cut_are_merged() -> None:
    [part] = parts_of(profile([*"abcdefghi", ("j", "k"), "x"], [*"abcdefghi", ("j", "l")]), settings=SHALLOW)
    assert values_by_stack(part) == [("a;b;c;d;e;f;g;h;i;j", 3)]


def test_a_cut_location_keeps_its_address_line_and_mapping() -> None:
    message = profile(
        [*"abcdefghi", ("j", "k")], mapping=Mapping(id=1, memory_start=0x1000, memory_limit=0x2000)
    )
    cut = next(each for each in message.location if len(each.line) == 2)
    cut.address, cut.line[1].line = 0x1234, 77
    [part] = parts_of(message, settings=SHALLOW)
    last = locations_of(part)[0][-1]
    assert (last.address, [line.line for line in last.lines]) == (0x1234, [77])
    assert last.mapping_id in part.symbols.mappings
