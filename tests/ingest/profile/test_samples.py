"""A profile's samples as stored: merged by stack and labels, split into series, without empty ones."""

from collections.abc import Mapping, Sequence

import pytest

from flamehouse.model.profile import SeriesProfile
from flamehouse.pb.profile_pb2 import Label
from tests.support.uploads.parts import locations_of, own_labels, parts_of, values_by_stack
from tests.support.uploads.profiles import CPU_LABELS, Sample, labels_of, pprof_of, sample
from tests.support.uploads.uploads import YEAR_2026_NS, Ingest, rejection, series

TIME_MS = YEAR_2026_NS // 10**6
TYPES = (("samples", "count"), ("cpu", "nanoseconds"))
SPAN = "9a517183f26a089d"
TRACE = "0af7651916cd43dd8448eb211c80319c"
NO_TRACE = bytes(16)
LARGEST = (1 << 63) - 1


def stored_samples(*samples: Sample) -> list[SeriesProfile]:
    return parts_of(pprof_of(samples, time_ms=TIME_MS))


def test_equal_stacks_are_summed() -> None:
    [part] = stored_samples(sample("ab", 1), sample("ac", 2), sample("ab", 4), sample("a", 8))
    assert values_by_stack(part) == [("a", 8), ("a;b", 5), ("a;c", 2)]


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        ([(1, 2)], [[("a", 1)], [("a", 2)]]),
        ([(0, 2), (1, 0)], [[("a", 1)], [("a", 2)]]),
        ([(0, 2)], [[("a", 2)]]),
        ([(0, 0)], []),
        ([(-1, 2), (3, 4)], [[("a", 3)], [("a", 6)]]),
        ([(1, -2)], [[("a", 1)]]),
        ([(-1, -2)], []),
        ([(LARGEST, LARGEST)], [[("a", LARGEST)], [("a", LARGEST)]]),
        ([(LARGEST, 1), (-(1 << 63), LARGEST - 1)], [[("a", LARGEST)], [("a", LARGEST)]]),
        ([(LARGEST - 1, 1), (1, 2)], [[("a", LARGEST)], [("a", 3)]]),
    ],
)
def test_samples_of_zero_or_negative_value_are_dropped(
    values: Sequence[tuple[int, int]], kept: list[list[tuple[str, int]]]
) -> None:
    samples = [sample("a", *each) for each in values]
    parts = parts_of(pprof_of(samples, time_ms=TIME_MS, types=TYPES))
    assert [values_by_stack(part) for part in parts] == kept


@pytest.mark.parametrize(
    ("stack", "frames"), [([], "[unknown]"), ([0x40], "0x40"), ([0x40, 0x41], "0x40;0x41")]
)
def test_samples_without_a_known_function_are_stored(stack: list[int], frames: str) -> None:
    [part] = stored_samples(sample(stack, 3))
    assert values_by_stack(part) == [(frames, 3)]
    assert [[location.address for location in each] for each in locations_of(part)] == [stack]


def test_labels_of_samples_split_a_profile_into_series() -> None:
    parts = stored_samples(
        sample("a", 1), sample("b", 2, thread="1"), sample("a", 4, thread="2"), sample("b", 8, thread="1")
    )
    assert [(own_labels(part), values_by_stack(part)) for part in parts] == [
        ({}, [("a", 1)]),
        ({"thread": "1"}, [("b", 10)]),
        ({"thread": "2"}, [("a", 4)]),
    ]
    assert len({part.profile_id for part in parts}) == 1
    assert len({part.fingerprint for part in parts}) == 3


def test_the_order_of_a_samples_labels_makes_no_new_series() -> None:
    [part] = stored_samples(
        Sample(stack="a", values=[1], labels={"x": "1", "y": "2"}),
        Sample(stack="a", values=[2], labels={"y": "2", "x": "1"}),
    )
    assert values_by_stack(part) == [("a", 3)]


@pytest.mark.parametrize("name", ["env", "service_name", "__name__", "__session_id__", "__type__", "__x__"])
def test_a_sample_cannot_set_private_labels_or_those_of_its_series(name: str) -> None:
    samples = [Sample(stack="a", values=[value], labels={name: f"of {value}"}) for value in (1, 2)]
    [part] = parts_of(pprof_of([*samples, sample("a", 4)], time_ms=TIME_MS), labels_of(env="prod"))
    assert own_labels(part) == {"env": "prod"}
    assert (part.service, part.profile_type.split(":")[0]) == ("shop", "process_cpu")
    assert values_by_stack(part) == [("a", 7)]


@pytest.mark.parametrize(
    ("labels", "shown"),
    [
        ([Label(key=1, str=2)], {"name": "x"}),
        ([Label(key=1, str=2), Label(key=1, str=3)], {"name": "x"}),
        ([Label(key=1, str=4), Label(key=1, str=3)], {"name": "y"}),
        ([Label(key=1, num=7)], {}),
        ([Label(key=1, num=7, num_unit=2)], {}),
        ([Label(key=1, str=0)], {}),
        ([Label(key=1, str=4)], {}),
        ([Label(key=1)], {}),
    ],
)
def test_only_string_labels_with_a_value_become_series_labels(
    labels: list[Label], shown: dict[str, str]
) -> None:
    profile = pprof_of([sample("a", 1)], time_ms=TIME_MS)
    texts = ["", "name", "x", "y", ""]
    first = len(profile.string_table) - 1
    profile.string_table.extend(texts[1:])
    for label in labels:
        label.key += first
        label.str += first if label.str else 0
        label.num_unit += first if label.num_unit else 0
    profile.sample[0].label.extend(labels)
    [part] = parts_of(profile)
    assert own_labels(part) == shown


@pytest.mark.parametrize(
    ("labels", "span_id", "trace_id"),
    [
        ({"span_id": SPAN}, int(SPAN, 16), NO_TRACE),
        ({"span_id": SPAN.upper()}, int(SPAN, 16), NO_TRACE),
        ({"profile_id": SPAN}, int(SPAN, 16), NO_TRACE),
        ({"profile_id": "00000000000000ff", "span_id": SPAN}, int(SPAN, 16), NO_TRACE),
        ({"profile_id": SPAN, "span_id": "?"}, int(SPAN, 16), NO_TRACE),
        ({"span_id": SPAN, "trace_id": TRACE}, int(SPAN, 16), bytes.fromhex(TRACE)),
        ({"trace_id": TRACE}, 0, bytes.fromhex(TRACE)),
        ({"span_id": "ffffffffffffffff"}, (1 << 64) - 1, NO_TRACE),
    ],
)
def test_span_and_trace_are_stored_with_the_sample(
    labels: Mapping[str, str], span_id: int, trace_id: bytes
) -> None:
    [part] = stored_samples(
        Sample(stack="a", values=[1], labels=labels), sample("a", 2), sample("b", 4), sample("b", 8)
    )
    assert own_labels(part) == {}
    assert part.values.tolist() == [1, 2, 12]
    assert part.span_ids.tolist() == [span_id, 0, 0]
    assert list(part.trace_ids) == [trace_id, NO_TRACE, NO_TRACE]


@pytest.mark.parametrize(
    "labels",
    [
        {"span_id": "0000000000000000"},
        {"span_id": SPAN[1:]},
        {"span_id": SPAN + "0"},
        {"span_id": "not hexadecimal!"},
        {"span_id": "9a 517183f26a08d"},
        {"span_id": "00 00 00 00 0 01"},
        {"profile_id": "7c9e6679-7425-40de-944b-e07fc1f90ae7"},
        {"trace_id": SPAN},
        {"trace_id": "0" * 32},
        {"trace_id": "00 " * 10 + "01"},
        {"trace_id": "\n" * 32},
        {"trace_id": "é" * 16},
    ],
)
def test_an_invalid_span_or_trace_id_is_dropped(labels: Mapping[str, str]) -> None:
    [part] = stored_samples(Sample(stack="a", values=[1], labels=labels))
    assert own_labels(part) == {}
    assert (part.span_ids.tolist(), list(part.trace_ids)) == ([], [])


def test_a_sum_beyond_64_bits_is_rejected() -> None:
    ingest = Ingest()
    samples = [sample("a", LARGEST), sample("a", 1)]
    status, code, message = rejection(ingest.push(series(CPU_LABELS, pprof_of(samples, time_ms=TIME_MS))))
    assert (status, code) == (400, "invalid_argument")
    assert message.endswith("the values of sample type 'cpu' add up to more than 64 bits")
    assert ingest.uploads == []
