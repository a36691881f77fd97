"""SelectMergeProfile as the bytes that ClickHouse writes: with any numbers and strings, in any quantity."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flamehouse.pb.profile_pb2 import Function, Line, Location, Profile, ValueType
from flamehouse.pb.profile_pb2 import Mapping as Mapped
from flamehouse.pb.profile_pb2 import Sample as PprofSample
from flamehouse.pb.querier_pb2 import SelectMergeProfileRequest
from flamehouse.pb.types_pb2 import GoPGO, StackTraceSelector
from flamehouse.settings import Settings
from flamehouse.store import Store
from flamehouse.store.connection.client import ClickHouse
from flamehouse.varint import uvarint
from tests.support.fuzzing import fuzzed
from tests.support.queries.queries import Server, some_monday_ms
from tests.support.uploads.pprofs import names_of_stack, stacks_in
from tests.support.uploads.profiles import CPU, MS, labels_of, pprof_of, sample
from tests.support.uploads.uploads import series

# The fields of Profile and of its Sample, Location, Line and Function.
PROFILE = {2: "sample", 4: "location", 5: "function"}
MESSAGES: Mapping[str, Mapping[int, str]] = {
    "sample": {1: "numbers", 2: "numbers"},
    "location": {1: "id", 2: "number", 3: "number", 4: "line"},
    "line": {1: "number", 2: "number", 3: "number"},
    "function": {1: "id", 2: "number", 3: "number", 4: "number", 5: "number"},
}
ID_BYTES = 4

EDGES = sorted({near for bits in range(0, 64, 7) for near in ((1 << bits) - 1, 1 << bits)})
SIGNED = st.sampled_from([*EDGES[:-1], (1 << 63) - 1, -1, -128, -(1 << 63)]) | st.integers(
    -(1 << 63), (1 << 63) - 1
)
UNSIGNED = st.sampled_from([*EDGES, (1 << 64) - 1]) | st.integers(0, (1 << 64) - 1)
VALUES = st.sampled_from(EDGES[1:-2]) | st.integers(1, 1 << 60)
LONG = [letter * length for letter in "xé" for length in (63, 64, 127, 128, 8_191, 8_192, 16_383, 16_384)]
TEXTS = st.sampled_from(["", "\0", "a\0", "a", "\n\x12\x7f", "'\\'", "{x:String}", *LONG]) | st.text(
    max_size=9
)


def encoded(
    server: Server, start: int, end: int, *, max_nodes: int | None = None, keep_locations: int = 0
) -> bytes:
    """Returns the bytes of the response."""
    request = SelectMergeProfileRequest(
        profile_typeID=CPU,
        label_selector="{}",
        start=start,
        end=end,
        max_nodes=max_nodes,
        stack_trace_selector=StackTraceSelector(go_pgo=GoPGO(keep_locations=keep_locations))
        if keep_locations
        else None,
    )
    response = server.client.send(
        "POST",
        "/querier.v1.QuerierService/SelectMergeProfile",
        request.SerializeToString(),
        {"Content-Type": "application/proto"},
    )
    assert response.status_code == 200, response.text
    return response.content


def check_encoding(data: bytes) -> None:
    """Checks that every number and length is as short as the library's, except ids, which all have one length."""
    for field, content in fields_of(data):
        if field in PROFILE and isinstance(content, bytes):
            check_message(PROFILE[field], content)


def check_message(name: str, data: bytes) -> None:
    kinds = MESSAGES[name]
    for field, content in fields_of(data, padded=1 if "id" in kinds.values() else 0):
        if isinstance(content, bytes):
            if kinds[field] == "line":
                check_message("line", content)
            else:
                assert kinds[field] == "numbers"
                assert b"".join(map(uvarint, numbers_of(content))) == content


def fields_of(data: bytes, *, padded: int = 0) -> Iterator[tuple[int, int | bytes]]:
    """Returns the fields by number; `padded` is the field whose varint may be longer than necessary."""
    at = 0
    while at < len(data):
        tag, at = read(data, at)
        field, wire_type = tag >> 3, tag & 7
        assert wire_type in {0, 2}
        number, end = read(data, at, padded=field == padded)
        at = end + (number if wire_type == 2 else 0)
        assert at <= len(data)
        yield field, data[end:at] if wire_type == 2 else number


def read(data: bytes, at: int, *, padded: bool = False) -> tuple[int, int]:
    end = next(end for end in range(at, len(data)) if data[end] < 128) + 1
    number = sum((byte & 127) << 7 * place for place, byte in enumerate(data[at:end]))
    assert end - at == (ID_BYTES if padded else len(uvarint(number)))
    return number, end


def numbers_of(data: bytes) -> Iterator[int]:
    at = 0
    while at < len(data):
        number, at = read(data, at)
        yield number


@st.composite
def profiles(draw: st.DrawFn) -> Profile:
    """Draws a pprof that is stored unchanged: no mapping has functions, since the server drops addresses in those."""
    texts = ["", "cpu", "nanoseconds", *draw(st.lists(TEXTS, min_size=1, max_size=8))]
    text = st.integers(0, len(texts) - 1)
    kind = ValueType(type=1, unit=2)
    functions = [
        Function(
            id=id_, name=draw(text), system_name=draw(text), filename=draw(text), start_line=draw(SIGNED)
        )
        for id_ in range(1, draw(st.integers(1, 4)) + 1)
    ]
    lines = st.builds(Line, function_id=st.integers(1, len(functions)), line=SIGNED, column=SIGNED)
    mappings = [
        Mapped(id=1, memory_start=draw(UNSIGNED), memory_limit=1, filename=draw(text), build_id=draw(text))
    ]
    locations = [
        Location(
            id=id_,
            mapping_id=draw(st.integers(0, 1)),
            address=draw(UNSIGNED) or 1,
            line=draw(st.lists(lines, max_size=3)),
        )
        for id_ in range(1, draw(st.integers(1, 4)) + 1)
    ]
    stacks = st.lists(st.integers(1, len(locations)), max_size=4)
    samples = [
        PprofSample(location_id=draw(stacks), value=[draw(VALUES)]) for _ in range(draw(st.integers(1, 4)))
    ]
    return Profile(
        sample_type=[kind],
        period_type=kind,
        sample=samples,
        mapping=mappings,
        location=locations,
        function=functions,
        string_table=texts,
    )


@fuzzed(40)
@given(profiles())
def test_any_number_and_string_is_encoded_in_its_shortest_form(
    store: Store, settings: Settings, sent: Profile
) -> None:
    server, monday = Server.on(store, settings), some_monday_ms()
    sent.time_nanos = monday * MS + 1
    server.push(series(labels_of(), sent))
    data = encoded(server, monday, monday + 1)
    check_encoding(data)
    assert stacks_in(Profile.FromString(data)) == stacks_in(sent)
    assert encoded(server, monday, monday + 1) == data


def program(names: Sequence[str], time_ms: int) -> Profile:
    """Returns stacks of a thousand functions, one for each name."""
    stacks = [names[start : start + 1_000] for start in range(0, len(names), 1_000)]
    return pprof_of([sample(stack, number) for number, stack in enumerate(stacks, 1)], time_ms=time_ms)


@pytest.mark.parametrize(("rest", "used"), [(0, 16_400), (500, 127), (100, 127), (0, 128), (12_000, 5_700)])
def test_all_requested_symbols_are_returned_whether_many_or_few(
    store: Store, settings: Settings, rest: int, used: int
) -> None:
    """The response has numbers of one, two and three bytes, and ids in several fields."""
    server, monday = Server.on(store, settings), some_monday_ms()
    names = [f"f{number}" for number in range(used)]
    sent = program(names, monday)
    server.push(
        series(labels_of(), sent, program([f"g{number}" for number in range(rest)], monday + 5)),
        # The same symbols in another service.
        series(labels_of(service_name="cart"), program(names, monday + 5)),
    )
    data = encoded(server, monday, monday + 1)
    check_encoding(data)
    found = Profile.FromString(data)
    assert stacks_in(found) == stacks_in(sent)
    assert sorted(found.string_table[each.name] for each in found.function) == sorted(names)
    assert len(found.location) == used


def test_symbols_not_stored_yet_are_absent_from_a_location(
    store: Store, settings: Settings, clickhouse: ClickHouse
) -> None:
    """Inserts a function or a mapping reference of an upload whose other rows are not inserted yet."""
    server, monday = Server.on(store, settings), some_monday_ms()
    server.push(series(labels_of(), pprof_of([sample("ab", 5)], time_ms=monday)))
    for table, replaced in (
        ("locations", "55 AS id, 66 AS mapping_id, arrayPushFront(lines, (77, 1, 1)) AS lines"),
        ("stacktraces", "777 AS id, [55] AS locations"),
        ("sampled_profiles", "[777] AS stacktrace_ids, [2] AS values"),
    ):
        sql = f"INSERT INTO {table} SELECT * REPLACE ({replaced}) FROM {table} WHERE tenant = {{tenant:String}} LIMIT 1"  # noqa: S608  # the test's own
        clickhouse.command(sql, {"tenant": server.client.tenant})
    found = stacks_in(Profile.FromString(encoded(server, monday, monday + 1)))
    ends = {"".join(names_of_stack(stack)): (stack[0].mapping, value) for stack, value in found.items()}
    (alone,) = ends.keys() - {"ab"}
    assert alone in {"a", "b"}
    assert ends == {"ab": (("", ""), 5), alone: (("", ""), 2)}


def test_stacks_without_frames_make_a_profile_without_symbols(store: Store, settings: Settings) -> None:
    server, monday = Server.on(store, settings), some_monday_ms()
    server.push(series(labels_of(), pprof_of([sample((), 5)], time_ms=monday)))
    for max_nodes, keep_locations in ((None, 0), (1, 0), (None, 1), (1, 1)):
        data = encoded(server, monday, monday + 1, max_nodes=max_nodes, keep_locations=keep_locations)
        assert stacks_in(Profile.FromString(data)) == {(): 5}


def cut(stacks: Mapping[str, int], max_nodes: int, keep: int) -> Mapping[str, int]:
    """Returns the last `keep` frames of each stack, in a tree cut at the `max_nodes`-th largest node."""
    leaves: Counter[str] = Counter()
    for stack, value in stacks.items():
        leaves[stack[-keep:]] += value
    totals: Counter[str] = Counter()
    for stack, value in leaves.items():
        for path in accumulate(stack):
            totals[path] += value
    least = sorted(totals.values(), reverse=True)[:max_nodes][-1]
    kept: Counter[str] = Counter()
    for stack, value in leaves.items():
        inner = [path for path in accumulate(stack) if totals[path] >= least]
        kept[stack if len(inner) == len(stack) else f"{stack[: len(inner)]}*"] += value
    return dict(kept)


@fuzzed(30)
@given(
    st.dictionaries(st.text("abc", min_size=1, max_size=5), st.integers(1, 9), min_size=1, max_size=9),
    st.integers(1, 12),
    st.integers(1, 5),
)
def test_the_ends_of_stacks_are_cut_as_a_separate_tree(
    store: Store, settings: Settings, stacks: Mapping[str, int], max_nodes: int, keep: int
) -> None:
    server, monday = Server.on(store, settings), some_monday_ms()
    sent = [sample(stack, value) for stack, value in stacks.items()]
    server.push(series(labels_of(), pprof_of(sent, time_ms=monday)))
    data = encoded(server, monday, monday + 1, max_nodes=max_nodes, keep_locations=keep)
    found: Counter[str] = Counter()
    for stack, value in stacks_in(Profile.FromString(data)).items():
        found["".join("*" if name == "other" else name for name in names_of_stack(stack))] += value
    assert found == cut(stacks, max_nodes, keep)
