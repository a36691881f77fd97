"""An upload as the store receives it: its series, their labels and profile types, and ids that a retry repeats."""

import time
from collections.abc import Mapping, Sequence
from uuid import UUID

import pytest

from flamehouse.model.profile import fingerprint_of
from flamehouse.pb.profile_pb2 import Profile
from flamehouse.settings import Settings
from tests.support.uploads.parts import own_labels, parts_of, uploaded
from tests.support.uploads.profiles import CPU, CPU_LABELS, CPU_TYPES, MS, Sample, labels_of, pprof_of, sample
from tests.support.uploads.uploads import ANY_TIME, YEAR_2026_NS, Ingest, rejection, series

TIME_MS = YEAR_2026_NS // MS
HEAP_TYPES = (
    ("alloc_objects", "count"),
    ("alloc_space", "bytes"),
    ("inuse_objects", "count"),
    ("inuse_space", "bytes"),
)


def profile(*samples: Sample, types: Sequence[tuple[str, str]] = CPU_TYPES) -> Profile:
    return pprof_of(samples or [sample("ab", 3)], time_ms=TIME_MS, types=types)


def test_a_series_has_the_labels_sent_and_those_of_its_profile_type() -> None:
    [part] = parts_of(profile(), labels_of(env="prod"))
    assert part.labels == (
        ("__name__", "process_cpu"),
        ("__period_type__", "cpu"),
        ("__period_unit__", "nanoseconds"),
        ("__profile_type__", CPU),
        ("__service_name__", "shop"),
        ("__type__", "cpu"),
        ("__unit__", "nanoseconds"),
        ("env", "prod"),
        ("service_name", "shop"),
    )
    assert (part.profile_type, part.service) == (CPU, "shop")
    assert part.fingerprint == fingerprint_of(part.labels)


def test_a_profile_without_a_period_type_has_no_period_labels() -> None:
    message = profile()
    message.ClearField("period_type")
    [part] = parts_of(message)
    assert part.profile_type == "process_cpu:cpu:nanoseconds::"
    assert not [name for name, _ in part.labels if "period" in name]


@pytest.mark.parametrize(
    ("labels", "name", "own"),
    [
        ({"__delta__": "false"}, "process_cpu", {}),
        ({"__delta__": "true", "__order__": "1"}, "process_cpu", {}),
        ({"__session_id__": "1"}, "process_cpu", {}),
        ({"__name__": "godeltaprof_memory"}, "memory", {}),
        ({"__name__": "godeltaprof_memory", "__name_replaced__": "x"}, "memory", {}),
        ({"__name__": "memory_godeltaprof_"}, "memory_godeltaprof_", {}),
        ({"__type__": "forged", "__profile_type__": "a:b:c:d:e"}, "process_cpu", {}),
        ({"k8s.pod": "a b", "größe": "ü"}, "process_cpu", {"k8s.pod": "a b", "größe": "ü"}),
    ],
)
def test_labels_that_only_steer_ingestion_are_not_stored(
    labels: Mapping[str, str], name: str, own: Mapping[str, str]
) -> None:
    [part] = parts_of(profile(), labels_of(**labels))
    assert own_labels(part) == own
    assert part.profile_type == f"{name}:cpu:nanoseconds:cpu:nanoseconds"
    stored = dict(part.labels)
    assert (stored["__name__"], stored["__type__"], stored["__profile_type__"]) == (
        name,
        "cpu",
        part.profile_type,
    )
    assert not stored.keys() & {"__delta__", "__order__", "__session_id__", "__name_replaced__"}


@pytest.mark.parametrize("spelling", [{}, {"service_name": ""}])
def test_a_profile_without_a_service_belongs_to_unknown_service(spelling: Mapping[str, str]) -> None:
    [upload] = uploaded(profile(), labels={"__name__": "process_cpu", **spelling})
    assert upload.profiles[0].service == dict(upload.profiles[0].labels)["service_name"] == "unknown_service"


def test_each_sample_type_with_values_is_a_part_of_the_profile() -> None:
    samples = (sample("a", 1, 10, 0, 0), sample("b", 0, 20, 0, 5))
    parts = parts_of(profile(*samples, types=HEAP_TYPES), labels_of(__name__="memory"))
    assert [(part.profile_type, part.values.tolist()) for part in parts] == [
        ("memory:alloc_objects:count:inuse_space:bytes", [1]),
        ("memory:alloc_space:bytes:inuse_space:bytes", [10, 20]),
        ("memory:inuse_space:bytes:inuse_space:bytes", [5]),
    ]
    assert len({part.profile_id for part in parts}) == 1


@pytest.mark.parametrize("samples", [[], [sample("a", 0)], [sample("a", -1)]])
def test_an_empty_profile_is_accepted_and_not_stored(samples: Sequence[Sample]) -> None:
    assert uploaded(pprof_of(samples, time_ms=TIME_MS)) == []


def test_cumulative_values_are_stored_as_sent() -> None:
    [one], [other] = (parts_of(profile(sample("a", value)), labels_of(__delta__="true")) for value in (10, 7))
    assert (one.values.tolist(), other.values.tolist()) == ([10], [7])


def test_time_and_duration_are_those_of_the_profile() -> None:
    message = profile()
    message.time_nanos, message.duration_nanos = YEAR_2026_NS, 10_000_000_001
    [part] = parts_of(message)
    assert (part.time_ns, part.duration_ns) == (YEAR_2026_NS, 10_000_000_001)


def test_a_profile_without_a_time_gets_the_time_of_receipt() -> None:
    message = profile()
    message.time_nanos = 0
    before = time.time_ns()
    [upload] = uploaded(message)
    assert before <= upload.received_ns <= time.time_ns()
    assert upload.profiles[0].time_ns == upload.received_ns


def test_a_retry_is_stored_under_the_same_ids() -> None:
    messages = [profile(), profile(sample("a", 1, thread="1"), sample("a", 2, thread="2"))]
    [one], [other] = (uploaded(*messages) for _ in range(2))
    assert one.id == other.id
    assert one.profiles == other.profiles
    ids = [part.profile_id for part in one.profiles]
    assert ids[0] != ids[1] == ids[2]
    assert {id_.version for id_ in ids} == {4}


def test_different_profiles_have_different_ids() -> None:
    ids: set[UUID] = set()
    for message, labels in (
        (profile(), labels_of()),
        (profile(sample("a", 1)), labels_of()),
        (profile(), labels_of(env="prod")),
    ):
        [part] = parts_of(message, labels)
        ids.add(part.profile_id)
    assert len(ids) == 3


def test_sample_labels_are_validated_like_series_labels() -> None:
    ingest = Ingest()
    labels = {f"l{number}": "x" for number in range(ANY_TIME.max_label_names)}
    bad = profile(Sample(stack="a", values=[1], labels=labels))
    status, code, message = rejection(ingest.push(series(CPU_LABELS, bad, profile())))
    assert (status, code) == (400, "invalid_argument")
    assert "has 32 label names; limit 30" in message
    assert message.startswith("push series with index 0 and id p0 failed")
    [upload] = ingest.uploads
    assert [part.values.tolist() for part in upload.profiles] == [[3]]


def test_labels_that_never_repeat_are_folded_beyond_the_limit() -> None:
    ingest = Ingest(settings=Settings(ingest_window_past_s=0, max_series_per_upload=10))
    samples = [sample("a", 1, request_id=str(number)) for number in range(11)]
    assert ingest.push(series(CPU_LABELS, profile(*samples[:10]))).status_code == 200
    samples += [sample("a", 5, request_id="11", other="x")]
    assert ingest.push(series(CPU_LABELS, profile(*samples))).status_code == 200
    whole, folded = ingest.uploads
    assert (len(whole.profiles), len(folded.profiles)) == (10, 10)
    assert sum(sum(part.values) for part in folded.profiles) == 16
    last = dict(folded.profiles[-1].labels)
    assert (last["request_id"], last["other"]) == ("__overflow__", "__overflow__")
    assert folded.profiles[-1].values.tolist() == [7]


def test_a_response_has_a_warning_only_if_labels_were_folded() -> None:
    ingest = Ingest(settings=Settings(ingest_window_past_s=0, max_series_per_upload=10))
    for count, folded in ((11, True), (10, False)):
        samples = [sample("a", 1, request_id=str(number)) for number in range(count)]
        response = ingest.post(profile(*samples).SerializeToString(), "name=shop&format=pprof")
        assert (response.status_code, "Flamehouse-Warning" in response.headers) == (200, folded)


def test_a_push_of_more_series_than_the_limit_is_stored_with_the_labels_of_the_rest_folded() -> None:
    ingest = Ingest(settings=Settings(ingest_window_past_s=0, max_series_per_upload=10))
    pods = [series(labels_of(pod=f"{number}"), profile()) for number in range(15)]
    response = ingest.push(*pods)
    assert response.status_code == 200
    assert response.headers["Flamehouse-Warning"].startswith(
        "the upload exceeds MAX_SERIES_PER_UPLOAD=10: label values in 5 profiles were replaced"
    )
    [upload] = ingest.uploads
    assert [own_labels(part).get("pod") for part in upload.profiles] == [
        *map(str, range(10)),
        *["__overflow__"] * 5,
    ]
    assert {part.service for part in upload.profiles} == {"shop"}
    assert len({part.fingerprint for part in upload.profiles}) == 11
    assert len({part.profile_id for part in upload.profiles}) == 15


def test_profiles_whose_folded_series_do_not_fit_are_rejected_alone() -> None:
    ingest = Ingest(settings=Settings(ingest_window_past_s=0, max_series_per_upload=2))
    services = [series(labels_of(service_name=f"{number}"), profile()) for number in range(5)]
    status, code, message = rejection(ingest.push(*services))
    assert (status, code) == (400, "invalid_argument")
    assert "push series with index 4 and id p0 failed" in message
    assert "more series than the limit of 2 (MAX_SERIES_PER_UPLOAD)" in message
    assert [part.service for part in ingest.uploads[0].profiles] == ["0", "1", "2", "3"]


DATADOG = {"span id": str(10**18), "local root span id": "7", "thread id": "9", "trace endpoint": "GET /"}


@pytest.mark.parametrize(
    ("rules", "labels", "span"),
    [
        ("", {"trace endpoint": "GET /"}, 10**18),
        ("span id=drop, trace endpoint=drop", {}, 0),
        (
            "span id=keep,thread id=keep",
            {"span id": str(10**18), "thread id": "9", "trace endpoint": "GET /"},
            0,
        ),
        ("thread id=span,span id=drop", {"trace endpoint": "GET /"}, 9),
    ],
)
def test_label_rules_make_spans_and_drop_labels(rules: str, labels: dict[str, str], span: int) -> None:
    message = profile(Sample(stack="a", values=[1], labels=DATADOG))
    settings = Settings(ingest_window_past_s=0, label_rules=rules)
    [part] = parts_of(message, labels_of(**{"process.pid": "5"}), settings)
    assert {name: value for name, value in part.labels if name in {*DATADOG, "process.pid"}} == labels
    assert part.span_ids.tolist() == ([span] if span else [])


@pytest.mark.parametrize("rules", ["process.pid", "=drop", "a=fold"])
def test_an_unknown_label_rule_is_rejected(rules: str) -> None:
    with pytest.raises(ValueError, match="LABEL_RULES"):
        Settings(label_rules=rules)
