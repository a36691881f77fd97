"""OTLP profiles over HTTP: the encodings of a request, and the responses."""

import base64
import gzip
import json
import subprocess
import sys
import time
from collections.abc import Callable

import pytest
from google.protobuf import json_format
from opentelemetry.proto.profiles.v1development import profiles_pb2 as otlp

from flamehouse.errors import Code, RpcError
from flamehouse.model.profile import Upload
from flamehouse.pb.status_pb2 import Status
from flamehouse.settings import Settings
from flamehouse.store import Record
from tests.support.servers.doubles import CannedStore
from tests.support.uploads.otlp import JSON, PATH, PROTO, RPC_PATH, Export, exported, partial_success
from tests.support.uploads.otlp_uploads import sent
from tests.support.uploads.profiles import CPU
from tests.support.uploads.uploads import YEAR_2026_NS, Ingest

TRACE_ID = bytes(range(16))
SPAN_ID = bytes(range(8))


def rejected(body: bytes) -> tuple[int, int, str]:
    """Returns the status, code and message for a body; checks that nothing is stored."""
    ingest, response = sent(body)
    assert ingest.uploads == []
    assert response.headers["Content-Type"] == PROTO
    status = Status.FromString(response.content)
    return response.status_code, status.code, status.message


def as_json(export: Export, id_: Callable[[bytes], str]) -> bytes:
    """Returns the export as JSON, its ids written by `id_`."""
    content = json_format.MessageToDict(export.message)
    for link in content["dictionary"]["linkTable"]:
        for name in link:
            link[name] = id_(base64.b64decode(link[name]))
    return json.dumps(content).encode()


@pytest.mark.parametrize("path", [PATH, RPC_PATH])
@pytest.mark.parametrize(
    "content_type",
    [
        PROTO,
        "application/protobuf",
        "application/proto",
        "application/x-protobuf; charset=utf-8",
        "Application/X-Protobuf;version=1",
    ],
)
@pytest.mark.parametrize("encoding", [None, "gzip", "identity"])
def test_protobuf_is_accepted_on_both_paths(path: str, content_type: str, encoding: str | None) -> None:
    body = exported().body
    ingest = Ingest()
    response = ingest.send(
        "POST",
        path,
        gzip.compress(body, mtime=0) if encoding == "gzip" else body,
        content_type=content_type,
        headers={"Content-Encoding": encoding} if encoding else None,
    )
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["Content-Type"] == content_type.partition(";")[0].lower()
    assert ingest.profile_types == [CPU]
    assert ingest.uploads[0].id == stored_id(body)


def stored_id(body: bytes) -> bytes:
    ingest, _ = sent(body)
    return ingest.uploads[0].id


@pytest.mark.parametrize(
    "id_",
    [bytes.hex, lambda id_: id_.hex().upper(), lambda id_: base64.b64encode(id_).decode()],
    ids=["hexadecimal", "uppercase hexadecimal", "base64"],
)
@pytest.mark.parametrize("content_type", [JSON, "application/json; charset=utf-8"])
def test_json_is_accepted_with_ids_in_hexadecimal_or_base64(
    id_: Callable[[bytes], str], content_type: str
) -> None:
    export = Export()
    link = export.tables.link(TRACE_ID, SPAN_ID)
    export.add(export.profile(export.sample(link=link)), resource={"service.name": "shop"})
    ingest, response = sent(as_json(export, id_), content_type=content_type)
    assert (response.status_code, response.json()) == (200, {})
    assert response.headers["Content-Type"] == JSON
    [part] = ingest.uploads[0].profiles
    assert (part.service, part.trace_ids, [*part.span_ids]) == ("shop", [TRACE_ID], [int.from_bytes(SPAN_ID)])


def test_an_id_of_a_profile_may_be_hexadecimal() -> None:
    content = json_format.MessageToDict(exported().message)
    content["resourceProfiles"][0]["scopeProfiles"][0]["profiles"][0]["profileId"] = TRACE_ID.hex()
    _, response = sent(json.dumps(content).encode(), content_type=JSON)
    assert response.status_code == 200


def test_labels_folded_beyond_the_limit_on_series_are_a_warning_in_partial_success() -> None:
    export = Export()
    for number in range(1_005):
        export.add(
            export.profile(export.sample()), resource={"service.name": "shop", "host.name": f"{number}"}
        )
    ingest, response = sent(export.body)
    rejected, message = partial_success(response.content)
    assert (response.status_code, rejected) == (200, 0)
    assert message.startswith("the upload exceeds MAX_SERIES_PER_UPLOAD=1000: label values in 5 profiles")
    assert len(ingest.uploads[0].profiles) == 1_005


@pytest.mark.parametrize("body", [b"", Export().body, Export().add().body])
def test_a_request_without_profiles_is_accepted(body: bytes) -> None:
    ingest, response = sent(body)
    assert (response.status_code, response.content, ingest.uploads) == (200, b"", [])


def test_valid_profiles_are_stored_and_the_response_names_invalid_ones() -> None:
    export = Export()
    bad = export.profile(export.sample(), types=(("", ""), ("", "")))
    dangling = export.profile(otlp.Sample(stack_index=99, values=[1]))
    export.add(export.profile(export.sample()), bad).add(dangling)
    ingest, response = sent(export.body)
    rejected, message = partial_success(response.content)
    assert (response.status_code, rejected) == (200, 2)
    assert message.startswith("resource 0, scope 0, profile 1: invalid labels ")
    assert message.endswith(
        "; resource 1, scope 0, profile 0: index 99 is out of range: stack_table has 2 entries"
    )
    assert len(ingest.uploads[0].profiles) == 1


def test_the_json_response_names_invalid_profiles() -> None:
    export = Export()
    export.add(
        export.profile(export.sample()), export.profile(export.sample(), types=(("a-b", ""), ("", "")))
    )
    _, response = sent(as_json(export, bytes.hex), content_type=JSON)
    assert response.json() == {
        "partialSuccess": {
            "rejectedProfiles": "1",
            "errorMessage": "resource 0, scope 0, profile 1: sample type contains -",
        }
    }


def test_a_profile_of_several_services_is_rejected_once() -> None:
    export = Export()
    samples = [export.sample(named={"service.name": name}) for name in ("shop", "bank")]
    export.add(
        export.profile(*samples, types=(("a-b", ""), ("", ""))),
        export.profile(export.sample()),
    )
    _, response = sent(export.body)
    assert partial_success(response.content)[0] == 1


def test_a_request_without_a_valid_profile_is_rejected() -> None:
    export = Export()
    export.add(*(export.profile(export.sample(), types=(("a-b", ""), ("", ""))) for _ in range(2)))
    text = "resource 0, scope 0, profile {}: sample type contains -"
    assert rejected(export.body) == (400, 3, f"{text.format(0)}; {text.format(1)}")


@pytest.mark.parametrize("time_ns", [(1 << 63) - 1, (1 << 64) - 1])
def test_a_profile_from_the_future_rejects_the_whole_request(time_ns: int) -> None:
    export = Export()
    export.add(export.profile(export.sample()), export.profile(export.sample(), time_ns=time_ns))
    status, code, message = rejected(export.body)
    assert (status, code) == (400, 3)
    assert message.startswith("resource 0, scope 0, profile 1: profile with labels ")


def test_a_retry_is_the_same_upload() -> None:
    body = exported().body
    ids = {stored_id(each) for each in (body, gzip.compress(body, mtime=0), gzip.compress(body, 1, mtime=0))}
    assert len(ids) == 1


def test_a_request_without_a_time_is_one_upload_per_second(monkeypatch: pytest.MonkeyPatch) -> None:
    export = Export()
    export.add(export.profile(export.sample(), time_ns=0))
    ids = []
    for now_ns in (YEAR_2026_NS, YEAR_2026_NS + 1, YEAR_2026_NS + 2 * 10**9):
        monkeypatch.setattr(time, "time_ns", lambda now_ns=now_ns: now_ns)
        ids.append(stored_id(export.body))
    assert (ids[0] == ids[1], ids[0] == ids[2]) == (True, False)


class FailingStore(CannedStore):
    """A store that fails with an error of some code."""

    def __init__(self, code: Code) -> None:
        super().__init__()
        self.code = code

    def insert(self, upload: Upload, record: Record | None = None) -> None:  # noqa: ARG002  # no log
        raise RpcError(self.code, f"cannot store {len(upload.profiles)} profiles")


@pytest.mark.parametrize(
    ("code", "status", "number"),
    [
        (Code.RESOURCE_EXHAUSTED, 429, 8),
        (Code.UNAVAILABLE, 503, 14),
        (Code.DEADLINE_EXCEEDED, 504, 4),
        (Code.INTERNAL, 500, 13),
    ],
)
def test_statuses_of_store_errors_distinguish_retriable_from_permanent_ones(
    code: Code, status: int, number: int
) -> None:
    ingest = Ingest(store=FailingStore(code))
    response = ingest.send("POST", PATH, exported().body, content_type=PROTO)
    body = Status.FromString(response.content)
    assert (response.status_code, body.code) == (status, number)
    assert body.message == "cannot store 1 profiles"
    assert ("Retry-After" in response.headers) == (code is Code.UNAVAILABLE)


class BrokenStore(CannedStore):
    """A store with an unexpected fault."""

    def insert(self, upload: Upload, record: Record | None = None) -> None:  # noqa: ARG002  # no log
        raise LookupError(upload.tenant)


def test_an_unexpected_error_shows_no_detail() -> None:
    response = Ingest(store=BrokenStore()).send("POST", PATH, exported().body, content_type=PROTO)
    assert response.status_code == 500
    assert Status.FromString(response.content) == Status(code=13, message="internal error")


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/octet-stream"])
def test_another_content_type_is_rejected(content_type: str) -> None:
    ingest, response = sent(exported().body, content_type=content_type)
    assert (response.status_code, response.json()["code"]) == (415, 3)
    assert PROTO in response.json()["message"]
    assert ingest.uploads == []


@pytest.mark.parametrize("content_type", ["application/grpc", "application/grpc+proto"])
def test_grpc_clients_are_referred_to_http(content_type: str) -> None:
    response = Ingest().send("POST", RPC_PATH, exported().body, content_type=content_type)
    assert (response.status_code, "otlphttp" in response.json()["message"]) == (415, True)


def test_another_method_is_rejected() -> None:
    response = Ingest().send("GET", PATH)
    assert (response.status_code, response.headers["Allow"], response.json()["code"]) == (405, "POST", 12)


def test_an_invalid_tenant_is_rejected() -> None:
    headers = {"X-Scope-OrgID": "a|b"}
    response = Ingest().send("POST", PATH, exported().body, content_type=PROTO, headers=headers)
    assert (response.status_code, Status.FromString(response.content).code) == (400, 3)


def test_only_the_otlp_endpoint_imports_the_messages() -> None:
    modules = (
        "ingest.app, querier.profile_types, querier.label_names, querier.label_values, querier.select_series, "
        "querier.select_merge_stacktraces"
    )
    program = (
        f"import sys, {modules}; print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({}, "request body too large (OTLP, limit: 16777216)"),
        ({"MAX_BODY_BYTES": "1000000"}, "request body too large (MAX_BODY_BYTES, limit: 1000000)"),
    ],
)
def test_a_large_body_is_rejected_with_the_name_of_its_limit(settings: dict[str, str], reason: str) -> None:
    response = Ingest(settings=Settings.from_env(settings)).send(
        "POST", PATH, bytes(17 << 20), content_type=PROTO
    )
    assert (response.status_code, Status.FromString(response.content).message) == (413, reason)
