"""Push: several profiles of several series in a request, valid and invalid ones mixed."""

import base64
import gzip
import json

import pytest

from flamehouse.errors import Code, RpcError
from flamehouse.model.profile import Upload
from flamehouse.pb.push_pb2 import RawProfileSeries
from flamehouse.settings import Settings
from flamehouse.store import Record
from tests.support.costs import costing_at_most
from tests.support.servers.doubles import CannedStore
from tests.support.uploads.uploads import YEAR_2026_NS, Ingest, members, pprof, pushed, rejection, series

LABELS = {"__name__": "process_cpu", "service_name": "shop"}
PROFILE = pprof().SerializeToString()
HOUR_NS = 3_600 * 10**9
CPU = "process_cpu:cpu:nanoseconds:cpu:nanoseconds"
SAMPLES = "process_cpu:samples:count:cpu:nanoseconds"


@pytest.mark.parametrize(
    "raw",
    [
        PROFILE,
        gzip.compress(PROFILE, mtime=0),
        gzip.compress(gzip.compress(PROFILE, mtime=0), mtime=0),
        members(PROFILE, 3),
    ],
)
@pytest.mark.parametrize("whole", [None, "gzip", "identity"])
def test_a_push_is_accepted_in_every_compression(raw: bytes, whole: str | None) -> None:
    ingest = Ingest()
    body = pushed(series(LABELS, raw))
    response = ingest.push_body(
        gzip.compress(body, mtime=0) if whole == "gzip" else body,
        headers={"Content-Encoding": whole} if whole else None,
    )
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["Content-Type"] == "application/proto"
    assert ingest.profile_types == [CPU, SAMPLES]


def test_a_push_may_be_json() -> None:
    ingest = Ingest()
    labels = [{"name": name, "value": value} for name, value in LABELS.items()]
    sample = {"rawProfile": base64.b64encode(PROFILE).decode(), "ID": "p0"}
    body = json.dumps({"series": [{"labels": labels, "samples": [sample]}]})
    response = ingest.push_body(body.encode(), content_type="application/json")
    assert (response.status_code, response.json()) == (200, {})
    assert ingest.profile_types == [CPU, SAMPLES]


def test_every_sample_of_every_series_is_stored() -> None:
    ingest = Ingest()
    memory = pprof([("alloc_objects", "count")])
    response = ingest.push(
        series(LABELS, PROFILE, pprof(time_ns=YEAR_2026_NS + 1)),
        series({**LABELS, "__name__": "memory"}, memory),
    )
    assert response.status_code == 200
    (upload,) = ingest.uploads
    assert [(part.time_ns - YEAR_2026_NS, part.profile_type) for part in upload.profiles] == [
        (0, SAMPLES),
        (0, CPU),
        (1, SAMPLES),
        (1, CPU),
        (0, "memory:alloc_objects:count:alloc_objects:count"),
    ]
    assert len({part.profile_id for part in upload.profiles}) == 3


@pytest.mark.parametrize("pushed_series", [[], [series(LABELS)], [series(LABELS), series({})]])
def test_a_push_without_profiles_is_rejected(pushed_series: list[RawProfileSeries]) -> None:
    response = Ingest().push(*pushed_series)
    assert rejection(response) == (400, "invalid_argument", "no profiles received")


@pytest.mark.parametrize(
    ("labels", "shown"),
    [
        ({"__name__": "process_cpu"}, {"service_name": "unknown_service"}),
        ({"__name__": "process_cpu", "service_name": ""}, {"service_name": "unknown_service"}),
        ({**LABELS, "zone": "b", "a.b": "c"}, {"service_name": "shop", "zone": "b", "a.b": "c"}),
        ({**LABELS, "__session_id__": "7", "__delta__": "false"}, {"service_name": "shop"}),
    ],
)
def test_a_series_keeps_its_labels(labels: dict[str, str], shown: dict[str, str]) -> None:
    ingest = Ingest()
    assert ingest.push(series(labels, PROFILE)).status_code == 200
    for part in ingest.uploads[0].profiles:
        assert {name: value for name, value in part.labels if not name.startswith("__")} == shown


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        ([], """invalid labels '{service_name="unknown_service"}' with error: invalid metric name"""),
        (
            [("__name__", "a"), ("service_name", "s"), ("x", "2"), ("x", "1")],
            """profile with labels '{__name__="a", service_name="s", x="1", x="2"}' has duplicate label name: 'x'""",
        ),
        (
            [("__name__", "a"), ("", "x")],
            """invalid labels '{="x", __name__="a", service_name="unknown_service"}' with error: invalid label name ''""",
        ),
    ],
)
def test_bad_labels_are_rejected(labels: list[tuple[str, str]], reason: str) -> None:
    ingest = Ingest()
    response = ingest.push(series(labels, PROFILE))
    expected = f"push series with index 0 and id p0 failed: invalid_argument: {reason}"
    assert rejection(response) == (400, "invalid_argument", expected)
    assert ingest.uploads == []


def test_invalid_profiles_are_named_and_the_others_are_stored() -> None:
    ingest = Ingest()
    response = ingest.push(
        series(LABELS, PROFILE, b"rubbish"),
        series({"service_name": "x"}, PROFILE),
        series({**LABELS, "zone": "b"}, b"\x1f\x8bno gzip", pprof(time_ns=YEAR_2026_NS + 1)),
    )
    status, code, message = rejection(response)
    assert (status, code) == (400, "invalid_argument")
    assert message.startswith(
        "3 errors: push series with index 1 and id p1 failed: invalid_argument: the profile is not a pprof message"
    )
    assert (
        "; push series with index 2 and id p0 failed: invalid_argument: "
        """invalid labels '{service_name="x"}' with error: invalid metric name; """
        "push series with index 3 and id p0 failed: invalid_argument: the gzip body is damaged"
    ) in message
    (upload,) = ingest.uploads
    assert {part.time_ns - YEAR_2026_NS for part in upload.profiles} == {0, 1}


def test_a_profile_with_invalid_sample_labels_is_dropped_too() -> None:
    ingest = Ingest(settings=Settings(ingest_window_past_s=0, max_label_names=3))
    many = pprof(labels={"a": "1", "b": "2"}, time_ns=YEAR_2026_NS + 1)
    status, _, message = rejection(ingest.push(series(LABELS, many, PROFILE)))
    expected = (
        "push series with index 0 and id p0 failed: invalid_argument: profile series "
        """'{__name__="process_cpu", a="1", b="2", service_name="shop"}' has 4 label names; limit 3 (MAX_LABEL_NAMES)"""
    )
    assert (status, message) == (400, expected)
    assert [{part.time_ns for part in upload.profiles} for upload in ingest.uploads] == [{YEAR_2026_NS}]


def test_a_retry_of_a_partly_bad_push_is_the_same_upload() -> None:
    ingest = Ingest()
    for raw in (PROFILE, gzip.compress(PROFILE, mtime=0), PROFILE):
        assert ingest.push(series(LABELS, raw, b"rubbish")).status_code == 400
    assert len(ingest.uploads) == 3
    assert len({upload.id for upload in ingest.uploads}) == 1
    assert len({part.profile_id for upload in ingest.uploads for part in upload.profiles}) == 1


def test_a_profile_from_the_future_rejects_the_whole_push() -> None:
    ingest = Ingest()
    ahead = pprof(time_ns=(1 << 63) - 1)
    status, _, message = rejection(ingest.push(series(LABELS, PROFILE, ahead)))
    assert status == 400
    assert message.startswith(
        "push series with index 1 and id p1 failed: invalid_argument: profile with labels "
    )
    assert ingest.uploads == []


def test_a_profile_without_samples_is_accepted_and_stores_nothing() -> None:
    empty = pprof()
    del empty.sample[:]
    ingest = Ingest()
    assert ingest.push(series(LABELS, empty)).status_code == 200
    assert ingest.uploads == []


def test_the_total_size_of_the_profiles_of_a_push_is_limited() -> None:
    large = pprof()
    large.string_table.append("x" * 50_000)
    ingest = Ingest(settings=Settings(ingest_window_past_s=0, max_body_bytes=120_000))
    packed = gzip.compress(large.SerializeToString(), mtime=0)
    assert ingest.push(series(LABELS, *[packed] * 2)).status_code == 200
    response = ingest.push(series(LABELS, *[packed] * 3))
    expected = "uncompressed batched profile payload size exceeds limit of 120 kB (MAX_BODY_BYTES=120000)"
    assert rejection(response) == (400, "invalid_argument", expected)
    assert len(ingest.uploads) == 1


def test_the_number_of_profiles_of_a_push_is_limited() -> None:
    response = Ingest().push(series(LABELS, *[b""] * 10_001))
    assert rejection(response)[2] == "the push has 10001 profiles: send at most 10000"


class FailingStore(CannedStore):
    """A store that is unavailable."""

    def insert(self, upload: Upload, record: Record | None = None) -> None:  # noqa: ARG002  # no log
        raise RpcError(Code.UNAVAILABLE, f"cannot store {len(upload.profiles)} profiles now")


def test_an_unavailable_store_is_503_with_retry_after() -> None:
    ingest = Ingest(store=FailingStore())
    expected = (503, "unavailable", "cannot store 2 profiles now")
    assert rejection(ingest.push(series(LABELS, PROFILE))) == expected
    response = ingest.post(PROFILE)
    assert rejection(response) == expected
    assert int(response.headers["Retry-After"]) > 0


FIELDS = 1 << 19


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"\x0a\x00" * (FIELDS + 1), "application/proto"),
        (b"\x0a\x80\x80\x40" + b"\x0a\x00" * FIELDS, "application/proto"),
        (b"\x0a\x80\x80\x40" + b"\x12\x00" * FIELDS, "application/proto"),
        (b"\x50\x01" * (FIELDS + 1), "application/proto"),
        (b'{"series":[' + b"{}," * (FIELDS // 2) + b"{}]}", "application/json"),
        (b'{"series":[' + b'"",' * FIELDS + b'""]}', "application/json"),
    ],
    ids=["series", "labels", "profiles", "unknown", "JSON", "JSON strings"],
)
def test_a_push_of_too_many_fields_is_rejected_before_it_is_read(body: bytes, content_type: str) -> None:
    with costing_at_most(seconds=5):
        response = Ingest().push_body(
            gzip.compress(body, mtime=0), content_type=content_type, headers={"Content-Encoding": "gzip"}
        )
    assert rejection(response) == (400, "invalid_argument", f"the body has more than {FIELDS} fields")


def test_a_push_may_have_many_fields() -> None:
    response = Ingest().push_body(b"\x0a\x00" * FIELDS)
    assert rejection(response) == (400, "invalid_argument", "no profiles received")
