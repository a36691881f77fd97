"""The envelope of an upload: it survives a round trip, and yields the same rows as its request."""

import gzip
import json
from dataclasses import dataclass, field, replace
from functools import partial

import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st

from flamehouse.pb.push_pb2 import PushRequest
from flamehouse.services import Services
from flamehouse.settings import Settings
from flamehouse.store import Store
from ingest import pipeline
from ingest.formats import FORMATS
from ingest.received import MAGIC, Endpoint, EnvelopeError, ReceivedUpload
from tests.support.fuzzing import fuzzed
from tests.support.queries.queries import Server
from tests.support.uploads import files
from tests.support.uploads.jfr_recordings import recording, sample
from tests.support.uploads.otlp import PROTO, RPC_PATH, exported
from tests.support.uploads.stack_uploads import WRITERS
from tests.support.uploads.uploads import FORM, PUSH, YEAR_2026_NS, Ingest, form, pprof, pushed, series

STACKS = {"main;work": 3, "main;rest": 1}
PPROF = pprof().SerializeToString()
FROM_S = YEAR_2026_NS // 10**9
TIMES = f"from={FROM_S}&until={FROM_S + 10}"
PUSHED = pushed(series({"__name__": "process_cpu", "service_name": "push"}, PPROF, gzip.compress(PPROF)))
PUSHED_JSON = json_format.MessageToJson(PushRequest.FromString(PUSHED)).encode()
CONFIG = b'{"cpu":{"units":"nanoseconds"},"samples":{"units":"samples"}}'


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request that stores profiles."""

    path: str
    body: bytes
    content_type: str = ""
    headers: dict[str, str] = field(default_factory=dict)


def to_ingest(format_: str, body: bytes, content_type: str = "") -> Request:
    path = f"/ingest?name={format_}%7Benv%3Dprod%7D&format={format_}&{TIMES}"
    return Request(path=path, body=body, content_type=content_type)


CPUPROFILE = json.dumps(
    {
        "nodes": [
            {"id": 1, "callFrame": {"functionName": "(root)"}, "children": [2]},
            {"id": 2, "callFrame": {"functionName": "main"}},
        ],
        "startTime": 0,
        "endTime": 20,
        "samples": [2, 2],
        "timeDeltas": [10, 10],
    }
).encode()

REQUESTS = {
    **{name: to_ingest(name, write(STACKS)) for name, write in WRITERS.items()},
    "perf_script": to_ingest(
        "perf_script", b"app 1 100.0: cycles:\n\t401000 inner+0x1 (/bin/app)\n\t401100 main+0x1 (/bin/app)\n"
    ),
    "cpuprofile": to_ingest("cpuprofile", CPUPROFILE),
    "austin": to_ingest("austin", files.AUSTIN_FULL),
    "instruments": to_ingest("instruments", files.INSTRUMENTS),
    "chrome_trace": to_ingest("chrome_trace", files.CHROME_TRACE),
    "firefox": to_ingest("firefox", files.FIREFOX),
    "jfr": to_ingest("jfr", form(("jfr", recording(sample())), ("labels", b"")), FORM),
    "pprof": to_ingest("pprof", PPROF),
    "pprof in a form": to_ingest("pprof", form(("profile", PPROF), ("sample_type_config", CONFIG)), FORM),
    "gzipped pprof": Request(
        path="/pyroscope/ingest?name=zipped",
        body=gzip.compress(PPROF),
        headers={"Content-Encoding": "gzip"},
    ),
    "a profile without a time": Request(path="/ingest?name=now", body=b"main;work 1"),
    "odd bytes": Request(path="/ingest?name=odd%7Ba%3D%C3%BC%26%7D&aggregationType=%ff", body=b"main;work 1"),
    "push": Request(path=PUSH, body=PUSHED, content_type="application/proto"),
    "gzipped push": Request(
        path=PUSH,
        body=gzip.compress(PUSHED),
        content_type="application/proto; v=1",
        headers={"Content-Encoding": "gzip"},
    ),
    "push in JSON": Request(path=PUSH, body=PUSHED_JSON, content_type="application/json"),
    "otlp": Request(path=RPC_PATH, body=exported().body, content_type=f"{PROTO}; charset=utf-8"),
    "gzipped otlp": Request(
        path="/v1development/profiles",
        body=gzip.compress(exported(**{"service.name": "zipped-otlp"}).body),
        content_type="application/x-protobuf",
    ),
    "otlp in JSON": Request(
        path="/v1development/profiles",
        body=json_format.MessageToJson(exported(**{"service.name": "json-otlp"}).message).encode(),
        content_type="application/json",
    ),
}


@pytest.fixture
def received(monkeypatch: pytest.MonkeyPatch) -> list[ReceivedUpload]:
    """Records every upload that an endpoint passes to the pipeline."""
    uploads: list[ReceivedUpload] = []
    ingest = pipeline.ingest

    def noted(services: Services, upload: ReceivedUpload) -> pipeline.Outcome:
        uploads.append(upload)
        return ingest(services, upload)

    monkeypatch.setattr(pipeline, "ingest", noted)
    return uploads


def test_every_format_and_every_endpoint_is_among_the_requests() -> None:
    assert {*FORMATS, "push", "otlp"} <= set(REQUESTS)
    # Files are dropped into a bucket instead of sent (objects/test_drops.py).
    assert set(Endpoint) - {Endpoint.DROP} == {Endpoint.INGEST, Endpoint.PUSH, Endpoint.OTLP}


@pytest.mark.parametrize("name", REQUESTS)
def test_an_envelope_is_ingested_like_its_request(name: str, received: list[ReceivedUpload]) -> None:
    request = REQUESTS[name]
    direct, replayed = Ingest(), Ingest()
    response = direct.send(
        "POST", request.path, request.body, content_type=request.content_type, headers=request.headers
    )
    assert response.status_code == 200, response.text
    envelope = received[0].serialize()
    assert len(envelope) < len(request.body) + 600
    replay = ReceivedUpload.parse(envelope)
    assert replay == received[0]
    services = Services(settings=replayed.settings, store=replayed.store)
    assert pipeline.ingest(services, replay).error is None
    assert replayed.uploads == direct.uploads
    assert len(direct.uploads) == 1


@pytest.mark.parametrize("place", ["embedded", "server"], indirect=True, scope="session")
def test_a_stored_upload_is_not_stored_again_by_its_envelope_and_another_tenant_gets_the_same_rows(
    store: Store, settings: Settings, tenant: str, received: list[ReceivedUpload]
) -> None:
    server = Server.on(store, settings, tenant)
    for request in REQUESTS.values():
        headers = {"Content-Type": request.content_type, **request.headers}
        assert server.client.send("POST", request.path, request.body, headers).status_code == 200
    envelopes = [upload.serialize() for upload in received]
    assert len(envelopes) == len(REQUESTS)
    start, end = (YEAR_2026_NS // 10**6 - 1, received[-1].received_ns // 10**6 + 1)
    response = everything(server, start, end)
    assert {*FORMATS, "push", "now", "zipped-otlp"} <= {*server.label_values(start, end, "service_name")}
    services = Services(settings=settings, store=store)
    for envelope in envelopes:
        pipeline.ingest(services, ReceivedUpload.parse(envelope))
    assert everything(server, start, end) == response
    other = f"{tenant}-other"
    for envelope in envelopes:
        pipeline.ingest(services, replace(ReceivedUpload.parse(envelope), tenant=other))
    assert everything(Server.on(store, settings, other), start, end) == response


def everything(server: Server, start: int, end: int) -> list[tuple[str, object]]:
    """Returns the flame graph and the series of each profile type and service in [start, end)."""
    types = server.client.rpc("ProfileTypes", {"start": start, "end": end})["profileTypes"]
    ids = sorted(type_["ID"] for type_ in types)
    return [
        (id_, what(start, end, type_=id_))
        for id_ in ids
        for what in (
            partial(server.flamegraph),
            partial(server.series, step=60.0, groupBy=["service_name", "env"]),
        )
    ]


TEXTS = st.text(st.characters(), max_size=20) | st.binary(max_size=20).map(
    lambda data: data.decode(errors="surrogateescape")
)


@fuzzed(200)
@given(
    upload=st.builds(
        ReceivedUpload,
        tenant=TEXTS,
        endpoint=st.sampled_from(Endpoint),
        received_ns=st.integers(),
        body=st.binary(max_size=200),
        parameters=TEXTS,
        content_type=TEXTS,
        content_encoding=TEXTS,
    ),
    data=st.data(),
)
def test_an_envelope_survives_a_round_trip_and_a_truncated_one_is_rejected(
    upload: ReceivedUpload, data: st.DataObject
) -> None:
    envelope = upload.serialize()
    assert ReceivedUpload.parse(envelope) == upload
    with pytest.raises(EnvelopeError):
        ReceivedUpload.parse(envelope[: data.draw(st.integers(0, len(envelope) - 1))])
    with pytest.raises(EnvelopeError):
        ReceivedUpload.parse(envelope + b"\0")


ENVELOPE = ReceivedUpload(tenant="shop", endpoint=Endpoint.PUSH, received_ns=1, body=b"body").serialize()


def headed(header: bytes) -> bytes:
    return MAGIC + len(header).to_bytes(4) + header


def changed(old: bytes, new: bytes) -> bytes:
    """Returns the envelope with `old` replaced by `new` in its header."""
    return headed(ENVELOPE[len(MAGIC) + 4 : -len(b"body")].replace(old, new)) + b"body"


INVALID = {
    "empty": (b"", "not an upload"),
    "a profile": (PPROF, "not an upload"),
    "no header": (MAGIC, "header is not JSON"),
    "a header of four gigabytes": (MAGIC + b"\xff\xff\xff\xff", "4294967295 bytes"),
    "a header that is not text": (headed(b"\xff"), "not JSON"),
    "a deep header": (headed(b"[" * 100_000), "not JSON"),
    "a long number": (changed(b":1,", b":" + b"1" * 10_000 + b","), "not JSON"),
    "a list": (headed(b"[]"), "not a JSON object"),
    "a later version": (
        changed(b'"version":1', b'"version":2'),
        "unknown envelope version 2: this release reads version 1",
    ),
    "no version": (changed(b'"version":1,', b""), "unknown envelope version None"),
    "an unknown endpoint": (changed(b'"/push', b'"/x'), "unknown endpoint '/x.v1.PusherService/Push'"),
    "a fraction": (changed(b'"received_ns":1', b'"received_ns":1.0'), "must have the fields"),
    "a boolean": (changed(b'"received_ns":1', b'"received_ns":true'), "must have the fields"),
    "a renamed field": (changed(b'"received_ns":1', b'"received_s":1'), "must have the fields"),
    "an additional field": (changed(b'"body_bytes":4', b'"body_bytes":4,"more":1'), "must have the fields"),
    "a longer body": (changed(b'"body_bytes":4', b'"body_bytes":5'), "truncated"),
}


@pytest.mark.parametrize("case", INVALID)
def test_an_invalid_envelope_is_rejected_with_its_reason(case: str) -> None:
    envelope, reason = INVALID[case]
    with pytest.raises(EnvelopeError, match=reason):
        ReceivedUpload.parse(envelope)
