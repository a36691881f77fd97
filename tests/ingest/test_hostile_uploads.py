"""Any request is stored or rejected as the client's fault, in bounded time: none is a server fault."""

import gzip
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flamehouse.pb.profile_pb2 import Label, Line, Profile, Sample, ValueType
from tests.support.costs import costing_at_most
from tests.support.fuzzing import fuzzed
from tests.support.uploads.uploads import FORM, Ingest, form, pprof, pushed, rejection, series

LABELS = {"__name__": "process_cpu", "service_name": "shop"}
PROFILE = pprof(labels={"endpoint": "/cart"}).SerializeToString()
QUERIES = (
    "name=app&format=pprof",
    "name=app",
    "name=app&format=pprof&spyName=rbspy",
    "name=app&format=pprof&spyName=dotnetspy",
)


def send_everywhere(data: bytes) -> None:
    """Sends the bytes as every kind of body; checks that a rejection is a 4xx and stores nothing."""
    bodies = [(data, FORM, query) for query in QUERIES[:2]] + [(data, "", query) for query in QUERIES]
    bodies += [
        (form(("profile", data), ("sample_type_config", data)), FORM, QUERIES[1]),
        (gzip.compress(data, mtime=0), "", QUERIES[0]),
    ]
    for body, content_type, query in bodies:
        ingest = Ingest()
        response = ingest.post(body, query, content_type=content_type)
        assert response.status_code == 200 or (400 <= response.status_code < 500 and not ingest.uploads)
    for body, content_type in [
        (data, "application/proto"),
        (data, "application/json"),
        (pushed(series(LABELS, data)), "application/proto"),
    ]:
        ingest = Ingest()
        response = ingest.push_body(body, content_type=content_type)
        assert response.status_code == 200 or (400 <= response.status_code < 500 and not ingest.uploads)


@fuzzed()
@given(st.binary(max_size=300))
def test_arbitrary_bytes_cause_no_server_fault(data: bytes) -> None:
    send_everywhere(data)


@fuzzed()
@given(st.data())
def test_replaced_bytes_cause_no_server_fault(data: st.DataObject) -> None:
    body = bytearray(PROFILE)
    for _ in range(data.draw(st.integers(1, 6))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    send_everywhere(bytes(body))


@pytest.mark.parametrize(
    "body",
    [PROFILE, gzip.compress(PROFILE, mtime=0), form(("profile", PROFILE)), pushed(series(LABELS, PROFILE))],
)
def test_truncated_input_causes_no_server_fault(body: bytes) -> None:
    for end in range(0, len(body), 7):
        send_everywhere(body[:end])


def test_flipped_bits_cause_no_server_fault() -> None:
    chosen = random.Random(7)
    for _ in range(40):
        body = bytearray(PROFILE)
        for bit in chosen.sample(range(len(body) * 8), chosen.randrange(1, 9)):
            body[bit // 8] ^= 1 << bit % 8
        send_everywhere(bytes(body))


@fuzzed()
@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30), st.binary(max_size=80))
def test_arbitrary_boundaries_cause_no_server_fault(boundary: str, data: bytes) -> None:
    ingest = Ingest()
    content_type = f"multipart/form-data; boundary={boundary}"
    body = b"--" + boundary.encode() + b"\r\n" + data + b"\r\n--" + boundary.encode() + b"--\r\n"
    response = ingest.post(body, "name=app", content_type=content_type)
    assert response.status_code in {200, 422}
    assert ingest.uploads == []


numbers = st.integers(-(1 << 63), (1 << 63) - 1) | st.integers(-3, 12)
ids = st.integers(0, (1 << 64) - 1) | st.integers(0, 4)
indices = st.integers(0, 8) | st.sampled_from([-1, 9, 99, -(1 << 63), (1 << 63) - 1])
values = st.integers(0, 99) | st.sampled_from([-1, 1 << 62, (1 << 63) - 1])


@st.composite
def odd_profiles(draw: st.DrawFn) -> Profile:
    """Draws well-formed messages with any numbers."""
    profile: Profile = pprof(labels={"endpoint": "/cart"}, time_ns=draw(numbers))
    profile.duration_nanos = draw(numbers)
    profile.period = draw(numbers)
    for _ in range(draw(st.integers(0, 4))):
        message, field, choices = draw(
            st.sampled_from(
                [
                    (profile.sample_type[0], "type", indices),
                    (profile.sample_type[1], "unit", indices),
                    (profile.period_type, "type", indices),
                    (profile.function[0], "name", indices),
                    (profile.function[1], "id", ids),
                    (profile.function[2], "start_line", numbers),
                    (profile.location[0], "id", ids),
                    (profile.location[1], "mapping_id", ids),
                    (profile.location[2], "address", ids),
                    (profile.location[0].line[0], "function_id", ids),
                    (profile.location[0].line[0], "line", numbers),
                    (profile.mapping[0], "memory_start", ids),
                    (profile.mapping[0], "filename", indices),
                    (profile.sample[0].label[0], "key", indices),
                    (profile.sample[0].label[0], "str", indices),
                    (profile.sample[0].label[0], "num", numbers),
                ]
            )
        )
        setattr(message, field, draw(choices))
    for sample in profile.sample:
        sample.value[:] = draw(st.lists(values, min_size=2, max_size=2))
        sample.location_id.extend(draw(st.lists(ids, max_size=3)))
    profile.string_table[1] = draw(st.text(max_size=20))
    profile.string_table[-1] = draw(st.text(max_size=20))
    return profile


@fuzzed(150)
@given(odd_profiles(), st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3))
def test_arbitrary_numbers_and_strings_cause_no_server_fault(
    profile: Profile, labels: dict[str, str]
) -> None:
    ingest = Ingest()
    response = ingest.push(series({**LABELS, **labels}, profile))
    assert response.status_code in {200, 400}, response.text
    assert response.status_code == 200 or not ingest.uploads
    for part in (part for upload in ingest.uploads for part in upload.profiles):
        assert 0 <= sum(part.values) < 1 << 63
        assert part.time_ns >= 0


@fuzzed()
@given(st.text(max_size=40), st.text(max_size=10), st.text(max_size=20))
def test_arbitrary_parameters_cause_no_server_fault(name: str, format_: str, time_: str) -> None:
    query = "&".join(
        f"{parameter}={''.join(f'%{byte:02x}' for byte in value.encode())}"
        for parameter, value in [("name", name), ("format", format_), ("from", time_), ("sampleRate", time_)]
    )
    ingest = Ingest()
    response = ingest.post(PROFILE, query)
    assert response.status_code in {200, 400, 422}


def inlined(stacks: int, depth: int, lines: int) -> Profile:
    """Returns stacks of one location with many inlined functions."""
    profile = pprof()
    profile.location[0].line.extend([Line(function_id=1)] * lines)
    profile.sample.extend(Sample(location_id=[1] * depth, value=[n + 1, 1]) for n in range(stacks))
    return profile


def labelled(count: int) -> Profile:
    """Returns a sample with the same label many times."""
    profile = pprof(labels={"endpoint": "/cart"})
    profile.sample[0].label.extend([profile.sample[0].label[0]] * count)
    return profile


@pytest.mark.parametrize(
    "data",
    [
        inlined(15_000, 100, 100_000).SerializeToString(),
        b"\x12\x00" * (2 << 20),
        b"\x22\x00" * (2 << 20),
        b"\x22\x02\x08\x01" * (1 << 20),
        b"\x2a\x02\x08\x01" * (1 << 20),
        b"\x0a\x00" * (2 << 20),
        b"\x32\x00" * (2 << 20),
        pprof(labels={"endpoint": "/cart"}).SerializeToString() + b"\x12\x04" + b"\x1a\x00" * 2,
        labelled(500_000).SerializeToString(),
    ],
    ids=range(9),
)
def test_small_inputs_that_expand_cost_little_time(data: bytes) -> None:
    for body in (data, gzip.compress(data, 1, mtime=0)):
        ingest = Ingest()
        with costing_at_most(seconds=30):
            assert ingest.post(body).status_code == 422
            assert ingest.push(series(LABELS, body)).status_code == 400
        assert ingest.uploads == []


def test_a_cyclic_stack_is_cut() -> None:
    ingest = Ingest()
    with costing_at_most(seconds=20):
        assert ingest.push(series(LABELS, inlined(1, 3_000_000, 1))).status_code == 200
    depths = [
        len(part.symbols.location_ids_of(id_))
        for part in ingest.uploads[0].profiles
        for id_ in part.stacktrace_ids
    ]
    assert max(depths) <= 1_000


@pytest.mark.parametrize(
    ("filler", "stored"),
    [
        (b"\x12\x00" * (2 << 20), 0),
        (PROFILE + b"\x22\x02\x08\x01" * 1_000_000, 3),
        (PROFILE + b"\x22\x84\xea\x30\x08\x01" + b"\x22\x00" * 400_001, 9),
        (PROFILE + b"\x2a\x02\x08\x01" * 1_000_000, 3),
        (PROFILE + b"\x32\x00" * 2_000_000, 1),
    ],
    ids=["samples", "locations", "lines", "functions", "strings"],
)
def test_many_profiles_that_expand_cost_little_memory(filler: bytes, stored: int) -> None:
    body = pushed(series(LABELS, *[gzip.compress(filler[: 4 << 20], mtime=0)] * 32))
    ingest = Ingest()
    with costing_at_most(seconds=60, mib=1_024):
        response = ingest.push_body(gzip.compress(body, mtime=0), headers={"Content-Encoding": "gzip"})
    status, _, message = rejection(response)
    assert (status, message.partition(":")[0]) == (400, f"{32 - stored} errors")
    assert len({part.profile_id for upload in ingest.uploads for part in upload.profiles}) == stored


def test_many_labels_are_checked_in_linear_time() -> None:
    for labels in ([("a", "v")] * 100_000, [(f"l{number}", "v") for number in range(100_000)]):
        ingest = Ingest()
        with costing_at_most(seconds=20):
            status, _, message = rejection(ingest.push(series(labels, *[PROFILE] * 1_000)))
        assert (status, message.partition(":")[0]) == (400, "1000 errors")
        assert ingest.uploads == []


def of_many_types(label_sets: int, types: int) -> Profile:
    """Returns a profile whose samples each have their own labels and a value for each of this many sample types."""
    profile = pprof(labels={"number": "0"})
    key = profile.sample[0].label[0].key
    values = range(len(profile.string_table), len(profile.string_table) + label_sets)
    profile.string_table.extend(map(str, range(1, label_sets + 1)))
    profile.sample_type.extend([ValueType(type=1, unit=2)] * (types - 2))
    del profile.sample[:]
    profile.sample.extend(
        Sample(location_id=[1], value=[1] * types, label=[Label(key=key, str=value)]) for value in values
    )
    return profile


@pytest.mark.parametrize(("label_sets", "types"), [(16_000, 2), (4_000, 100), (1_000, 1_000)])
def test_series_beyond_the_limit_are_folded_before_they_are_made(label_sets: int, types: int) -> None:
    ingest = Ingest()
    with costing_at_most(seconds=20):
        assert ingest.push(series(LABELS, of_many_types(label_sets, types))).status_code == 200
    [upload] = ingest.uploads
    assert len(upload.profiles) <= 1_000
    assert sum(sum(part.values) for part in upload.profiles) == label_sets * types


def test_sample_types_beyond_the_limit_are_rejected_before_their_series_are_made() -> None:
    ingest = Ingest()
    with costing_at_most(seconds=20):
        status, _, message = rejection(ingest.push(series(LABELS, of_many_types(2, 500_000))))
    assert (status, "more series than the limit of 1000" in message) == (400, True)
    assert ingest.uploads == []
