"""A dictionary read as columns equals its messages read one by one."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.profiles.v1development.profiles_service_pb2 import (
    ExportProfilesServiceRequest,
)
from opentelemetry.proto.profiles.v1development import profiles_pb2 as otlp

from flamehouse.model.profile import SeriesProfile
from tests.support.fuzzing import fuzzed
from tests.support.uploads.otlp import PATH, PROTO
from tests.support.uploads.uploads import YEAR_2026_NS, Ingest

type Frame = tuple[int, str | None, tuple[tuple[Any, ...], ...]]
"""A location: its address, its mapping's file, and each line's function and place."""

TEXTS = ["", "samples", "count", "a", "b", "c.py", "größe"]
SIZE = 4
TEXT = st.integers(0, len(TEXTS) - 1)
INDEX = st.integers(0, SIZE - 1)
NUMBER = st.sampled_from([0, 0, 1, 300, (1 << 40) + 7])
SIGNED = st.sampled_from([0, 0, 1, 300, -1, -(1 << 40)])


@st.composite
def dictionaries(draw: st.DrawFn) -> otlp.ProfilesDictionary:
    """Draws tables of `SIZE` entries, any of whose fields may be absent, at index 0 too."""

    def table(entry: Any) -> list[Any]:
        return [entry() for _ in range(SIZE)]

    def lines() -> list[otlp.Line]:
        count: int = draw(st.sampled_from([0, 1, 1, 1, 2, 3]))
        return [
            otlp.Line(function_index=draw(INDEX), line=draw(SIGNED), column=draw(SIGNED))
            for _ in range(count)
        ]

    return otlp.ProfilesDictionary(
        string_table=TEXTS,
        mapping_table=table(lambda: otlp.Mapping(filename_strindex=draw(TEXT), memory_start=draw(NUMBER))),
        function_table=table(
            lambda: otlp.Function(
                name_strindex=draw(TEXT),
                system_name_strindex=draw(TEXT),
                filename_strindex=draw(TEXT),
                start_line=draw(SIGNED),
            )
        ),
        location_table=table(
            lambda: otlp.Location(mapping_index=draw(INDEX), address=draw(NUMBER), lines=lines())
        ),
        stack_table=table(lambda: otlp.Stack(location_indices=draw(st.lists(INDEX, max_size=5)))),
    )


def is_something(table: Sequence[Any], index: int) -> bool:
    return index > 0 or table[0].ByteSize() > 0


def expected(dictionary: otlp.ProfilesDictionary, stack: int) -> tuple[Frame, ...]:
    """Reads a stack, root first, message by message. An entry with neither lines nor address is not a frame."""
    frames = []
    for index in reversed(dictionary.stack_table[stack].location_indices):
        location = dictionary.location_table[index]
        lines = tuple(
            (*texts_of(dictionary.function_table[line.function_index]), line.line, line.column)
            for line in location.lines
            if is_something(dictionary.function_table, line.function_index)
        )
        file = None
        if is_something(dictionary.mapping_table, location.mapping_index):
            file = TEXTS[dictionary.mapping_table[location.mapping_index].filename_strindex]
        if lines or location.address:
            frames.append((location.address, file, lines))
    return tuple(frames)


def texts_of(function: otlp.Function) -> tuple[Any, ...]:
    texts = (function.name_strindex, function.system_name_strindex, function.filename_strindex)
    return (*(TEXTS[index] for index in texts), function.start_line)


def stored(part: SeriesProfile) -> Counter[tuple[Frame, ...]]:
    symbols = part.symbols
    frames: dict[int, Frame] = {}
    for id_, location in symbols.locations.items():
        lines = []
        for line in location.lines:
            function = symbols.functions[line.function_id]
            texts = (function.name, function.system_name, function.filename, function.start_line)
            lines.append((*texts, line.line, line.column))
        mapping = symbols.mappings.get(location.mapping_id)
        frames[id_] = (location.address, mapping.filename if mapping else None, tuple(lines))
    counted: Counter[tuple[Frame, ...]] = Counter()
    for id_, value in zip(part.stacktrace_ids, part.values, strict=True):
        counted[tuple(frames[location] for location in symbols.location_ids_of(id_))] += value
    return counted


@fuzzed(200)
@given(dictionaries(), st.lists(st.lists(INDEX, min_size=1, max_size=6), min_size=1, max_size=3))
def test_stacks_match_the_messages(dictionary: otlp.ProfilesDictionary, profiles: list[list[int]]) -> None:
    request = ExportProfilesServiceRequest(dictionary=dictionary)
    scope = request.resource_profiles.add().scope_profiles.add()
    for number, stacks in enumerate(profiles):
        scope.profiles.add(
            sample_type=otlp.ValueType(type_strindex=1, unit_strindex=2),
            time_unix_nano=YEAR_2026_NS + number,
            samples=[otlp.Sample(stack_index=stack, values=[value]) for value, stack in enumerate(stacks, 1)],
        )
    ingest = Ingest()
    response = ingest.send("POST", PATH, request.SerializeToString(), content_type=PROTO)
    assert (response.status_code, response.content) == (200, b"")
    for part, stacks in zip(ingest.uploads[0].profiles, profiles, strict=True):
        counted: Counter[tuple[Frame, ...]] = Counter()
        for value, stack in enumerate(stacks, 1):
            counted[expected(dictionary, stack)] += value
        assert stored(part) == counted
