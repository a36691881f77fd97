"""Upload ids: which requests are the same upload."""

import gzip
import json
import time

import pytest

from ingest.request.upload_id import upload_id
from tests.support.uploads.uploads import FORM, Ingest, form, pprof, pushed, series

PROFILE = pprof().SerializeToString()
LABELS = {"__name__": "process_cpu", "service_name": "shop"}


def ids(ingest: Ingest) -> set[bytes]:
    return {upload.id for upload in ingest.uploads}


def test_a_form_is_the_same_upload_however_it_is_packed() -> None:
    ingest = Ingest()
    config = json.dumps({"cpu": {"units": "samples"}}).encode()
    other = "multipart/form-data; boundary=other"
    bodies = [
        (form(("profile", PROFILE), ("sample_type_config", config)), FORM),
        (form(("sample_type_config", config), ("profile", PROFILE)), FORM),
        (
            form(
                ("profile", gzip.compress(PROFILE, mtime=1)), ("sample_type_config", config), boundary="other"
            ),
            other,
        ),
        (gzip.compress(form(("profile", PROFILE), ("sample_type_config", config)), mtime=0), FORM),
    ]
    for body, content_type in bodies:
        assert ingest.post(body, "name=app&from=5", content_type=content_type).status_code == 200
    query = "from=5&name=app&sampleRate=100&until=now"
    assert ingest.post(bodies[0][0], query, content_type=FORM, headers={"X-Other": "1"}).status_code == 200
    assert len(ingest.uploads) == 5
    assert len(ids(ingest)) == 1
    assert len(ids(ingest).pop()) == 32


def test_a_push_is_the_same_upload_however_it_is_packed() -> None:
    ingest = Ingest()
    ingest.push(series(LABELS, PROFILE))
    ingest.push(series(dict(reversed(LABELS.items())), gzip.compress(PROFILE, mtime=0)))
    ingest.push_body(
        gzip.compress(pushed(series(LABELS, PROFILE)), mtime=0), headers={"Content-Encoding": "gzip"}
    )
    renamed = series(LABELS, PROFILE)
    renamed.samples[0].ID = "another"
    ingest.push(renamed)
    assert len(ingest.uploads) == 4
    assert len(ids(ingest)) == 1


def test_uploads_that_differ_in_anything_have_different_ids() -> None:
    ingest = Ingest()
    other = pprof(time_ns=1_795_379_976_300_880_150)
    ingest.post(PROFILE)
    ingest.post(PROFILE, "name=app&format=pprof&from=5")
    ingest.post(PROFILE, "name=app%7Ba%3D1%7D&format=pprof")
    ingest.post(PROFILE, headers={"X-Scope-OrgID": "tenant-a"})
    ingest.post(other.SerializeToString())
    ingest.post(form(("profile", PROFILE), ("sample_type_config", b"{}")), content_type=FORM)
    ingest.push(series(LABELS, PROFILE))
    ingest.push(series(LABELS, PROFILE, PROFILE))
    ingest.push(series(LABELS, other))
    ingest.push(series({**LABELS, "a": "1"}, PROFILE))
    ingest.push(series(LABELS, PROFILE), series({**LABELS, "a": "1"}, PROFILE))
    assert len(ingest.uploads) == 11
    assert len(ids(ingest)) == 11


@pytest.mark.parametrize(("query", "one"), [("", False), ("&from=now-1h", False), ("&from=1795379970", True)])
def test_an_upload_without_a_time_is_a_new_one_every_second(
    query: str, one: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest = Ingest()
    body = pprof(time_ns=0).SerializeToString()
    for received_ns in (1_795_380_000_000_000_000, 1_795_380_000_999_999_999, 1_795_380_001_000_000_000):
        monkeypatch.setattr(time, "time_ns", lambda now=received_ns: now)
        assert ingest.post(body, f"name=app&format=pprof{query}").status_code == 200
    first, same_second, next_second = (upload.id for upload in ingest.uploads)
    assert first == same_second
    assert (first == next_second) is one


def test_a_push_without_a_time_is_a_new_upload_every_second(monkeypatch: pytest.MonkeyPatch) -> None:
    ingest = Ingest()
    for received_s in (1_795_380_000, 1_795_380_001):
        monkeypatch.setattr(time, "time_ns", lambda now=received_s: now * 10**9)
        ingest.push(series(LABELS, PROFILE))
        ingest.push(series(LABELS, PROFILE, pprof(time_ns=0)))
    timed, untimed, timed_later, untimed_later = (upload.id for upload in ingest.uploads)
    assert timed == timed_later
    assert untimed != untimed_later


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"tenant": "ab", "endpoint": "c"}, {"tenant": "a", "endpoint": "bc"}),
        ({"parameters": [("a", "bc")]}, {"parameters": [("ab", "c")]}),
        ({"parameters": [("a", "b")]}, {"parts": [("a", b"b")]}),
        ({"parts": [("a", b"b"), ("c", b"")]}, {"parts": [("a", b""), ("c", b"b")]}),
        ({"received_s": 1}, {"received_s": None}),
    ],
)
def test_no_two_lists_of_parts_have_the_same_id(one: dict[str, object], other: dict[str, object]) -> None:
    empty: dict[str, object] = {
        "tenant": "",
        "endpoint": "",
        "parameters": [],
        "parts": [],
        "received_s": None,
    }
    assert upload_id(**{**empty, **one}) != upload_id(**{**empty, **other})  # type: ignore[arg-type]
