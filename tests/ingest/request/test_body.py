"""Bodies of requests: compressed or not, as a form or alone, and their limits."""

import asyncio
import gzip
import json
import tracemalloc

import pytest
from starlette.types import Message

from flamehouse.settings import Settings
from ingest.app import routes
from ingest.request.body import human_bytes
from tests.support.servers.apps import serve
from tests.support.uploads.uploads import (
    BOUNDARY,
    FORM,
    PUSH,
    Ingest,
    form,
    members,
    pprof,
    pushed,
    rejection,
    series,
)

PROFILE = pprof().SerializeToString()
GZIPPED = gzip.compress(PROFILE, mtime=0)
TYPES = ["process_cpu:cpu:nanoseconds:cpu:nanoseconds", "process_cpu:samples:count:cpu:nanoseconds"]
FORM_OF_ONE = form(("profile", PROFILE))
_BOMB_BYTES = 64 << 20
BOMB = gzip.compress(bytes(_BOMB_BYTES), mtime=0)
PREFIX = "parsing IngestInput-pprof failed "


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (PROFILE, None),
        (PROFILE, "identity"),
        (PROFILE, "gzip"),
        (GZIPPED, None),
        (GZIPPED, "gzip"),
        (GZIPPED, "GZIP"),
        (GZIPPED, "x-gzip"),
        (gzip.compress(GZIPPED, mtime=0), None),
        (gzip.compress(GZIPPED, mtime=0), "gzip"),
        (gzip.compress(GZIPPED, mtime=0), "gzip, gzip"),
        (members(PROFILE, 7), None),
    ],
)
def test_a_profile_is_accepted_in_every_compression(body: bytes, encoding: str | None) -> None:
    ingest = Ingest()
    response = ingest.post(body, headers={"Content-Encoding": encoding} if encoding else None)
    assert (response.status_code, response.content) == (200, b"")
    assert ingest.profile_types == TYPES


@pytest.mark.parametrize("query", ["name=app", "name=app&format=pprof", "name=app&format=folded"])
@pytest.mark.parametrize(
    "body",
    [
        FORM_OF_ONE,
        form(("profile", GZIPPED)),
        gzip.compress(form(("profile", GZIPPED)), mtime=0),
        form(("profile", gzip.compress(GZIPPED, mtime=0)), ("sample_type_config", b"{}")),
        form(("other", b"x"), ("profile", PROFILE), ("profile", b"second")),
        form(("profile", PROFILE), files=False),
        b"\r\n" + FORM_OF_ONE,
        FORM_OF_ONE + b"epilogue",
    ],
)
def test_a_form_is_accepted_with_or_without_a_format(body: bytes, query: str) -> None:
    ingest = Ingest()
    response = ingest.post(body, query, content_type=FORM)
    assert (response.status_code, response.content) == (200, b"")
    assert len(ingest.uploads) == 1


@pytest.mark.parametrize("encoding", ["br", "deflate", "zstd", "gzip, br"])
def test_an_unknown_encoding_is_rejected(encoding: str) -> None:
    ingest = Ingest()
    status, code, message = rejection(ingest.post(PROFILE, headers={"Content-Encoding": encoding}))
    assert (status, code) == (415, "unknown")
    assert message == f'unsupported Content-Encoding "{encoding.rpartition(" ")[2]}"'
    assert ingest.uploads == []


@pytest.mark.parametrize(
    ("body", "content_type", "reason"),
    [
        (FORM_OF_ONE, "multipart/form-data", "no multipart boundary in Content-Type"),
        (FORM_OF_ONE, "multipart/form-data; boundary=", "no multipart boundary in Content-Type"),
        (
            FORM_OF_ONE,
            f"multipart/form-data; boundary={'x' * 300}",
            "Boundary length 300 exceeds maximum of 256",
        ),
        (
            FORM_OF_ONE,
            "multipart/form-data; boundary=else",
            "Expected boundary character 108, got 54 at index 5",
        ),
        (b"", FORM, "the form ends before its last boundary"),
        (b"no form at all", FORM, "Expected boundary character 45, got 110 at index 2"),
        (FORM_OF_ONE[: len(FORM_OF_ONE) // 2], FORM, "the form ends before its last boundary"),
        (FORM_OF_ONE[:-6], FORM, "the form ends before its last boundary"),
        (form(*[("profile", b"x")] * 33), FORM, "the form has more than 32 parts"),
        (f"--{BOUNDARY}\r\n{'a: b\r\n' * 99}".encode(), FORM, "Maximum header count exceeded"),
        (f"--{BOUNDARY}\r\na: {'b' * 9_999}".encode(), FORM, "Maximum header size exceeded"),
    ],
)
def test_a_damaged_form_is_rejected(body: bytes, content_type: str, reason: str) -> None:
    ingest = Ingest()
    response = ingest.post(body, "name=app", content_type=content_type)
    assert rejection(response) == (422, "unknown", f"{PREFIX}malformed multipart form: {reason}")
    assert ingest.uploads == []


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (GZIPPED[:-9], "the gzip body is truncated"),
        (GZIPPED[:2], "the gzip body is truncated"),
        (
            GZIPPED[:-8] + bytes(8),
            "the gzip body is damaged: Error -3 while decompressing data: incorrect data check",
        ),
        (
            b"\x1f\x8brubbish",
            "the gzip body is damaged: Error -3 while decompressing data: unknown compression method",
        ),
        (
            GZIPPED + b"rest",
            "the gzip body is damaged: Error -3 while decompressing data: incorrect header check",
        ),
        (gzip.compress(b"", mtime=0) * 2_000, "the gzip body has more than 1024 members"),
    ],
)
def test_damaged_gzip_is_rejected(body: bytes, reason: str) -> None:
    ingest = Ingest()
    assert rejection(ingest.post(body)) == (422, "unknown", PREFIX + reason)
    assert ingest.uploads == []


def test_nested_gzip_is_limited() -> None:
    body = PROFILE
    for _ in range(5):
        body = gzip.compress(body, mtime=0)
    status, _, message = rejection(Ingest().post(body))
    assert (status, message) == (422, f"{PREFIX}the data is gzipped more than 4 times")


def test_a_body_over_the_limit_is_rejected_before_it_is_read() -> None:
    ingest = Ingest(settings=Settings(ingest_window_past_s=0, max_body_bytes=len(PROFILE)))
    assert ingest.post(PROFILE).status_code == 200
    assert rejection(ingest.post(PROFILE + b"x")) == (
        413,
        "unknown",
        f"request body too large (MAX_BODY_BYTES, limit: {len(PROFILE)})",
    )
    assert len(ingest.uploads) == 1


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (BOMB, "application/octet-stream"),
        (gzip.compress(BOMB, mtime=0), "application/octet-stream"),
        (form(("profile", BOMB)), FORM),
        (form(("sample_type_config", BOMB), ("profile", PROFILE)), FORM),
        (bytes((4 << 20) + 1), "application/octet-stream"),
    ],
)
def test_a_profile_larger_than_allowed_is_rejected(body: bytes, content_type: str) -> None:
    ingest = Ingest()
    response = ingest.post(body, content_type=content_type)
    expected = f"{PREFIX}uncompressed profile payload size exceeds limit of 4.2 MB (MAX_PROFILE_BYTES=4194304"
    status, code, message = rejection(response)
    assert (status, code) == (422, "unknown")
    assert message.startswith(expected)
    assert ingest.uploads == []


def test_a_form_is_unpacked_up_to_the_body_limit() -> None:
    ingest = Ingest(settings=Settings(ingest_window_past_s=0, max_body_bytes=1 << 20))
    body = gzip.compress(form(("profile", PROFILE), ("sample_type_config", bytes(1 << 20))), mtime=0)
    status, _, message = rejection(ingest.post(body, content_type=FORM))
    assert (status, message) == (
        422,
        f"{PREFIX}uncompressed profile payload size exceeds limit of 1.0 MB (MAX_BODY_BYTES=1048576)",
    )


def test_the_parts_of_a_form_share_the_body_limit() -> None:
    ingest = Ingest(settings=Settings(ingest_window_past_s=0, max_body_bytes=1 << 20))
    half, more = (gzip.compress(bytes(size), mtime=0) for size in ((1 << 19) - 1, 1 << 19 | 1))
    for second, reason in (
        (half, "unsupported client version"),
        (more, "uncompressed profile payload size exceeds limit"),
    ):
        body = form(("profile", b"x"), ("sample_type_config", half), ("prev_profile", second))
        status, _, message = rejection(ingest.post(body, content_type=FORM))
        assert (status, message.startswith(PREFIX + reason)) == (422, True)


UNREAD = {
    "a bomb": (("other", gzip.compress(BOMB, mtime=0)),),
    "damaged gzip": (("other", GZIPPED[:-9]),),
    "a part without a name": (("", BOMB),),
    "a second part with the same name": (("profile", PROFILE), ("profile", BOMB)),
    "a part of another format": (("jfr", BOMB), ("labels", BOMB)),
    "many": tuple((f"other{number}", BOMB) for number in range(31)),
}


@pytest.mark.parametrize("parts", UNREAD.values(), ids=UNREAD)
def test_unused_parts_are_not_decompressed(parts: tuple[tuple[str, bytes], ...]) -> None:
    ingest = Ingest()
    if ("profile", PROFILE) not in parts:
        parts = (*parts, ("profile", PROFILE))
    ingest.post(FORM_OF_ONE, content_type=FORM)
    body = form(*parts)
    tracemalloc.start()
    response = ingest.post(body, content_type=FORM)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (response.status_code, response.content) == (200, b"")
    # Threads of earlier tests may allocate meanwhile, but not as much as a bomb.
    assert peak < 2 * len(body) + _BOMB_BYTES // 2
    with_them, without_them = ingest.uploads
    assert with_them.id == without_them.id


@pytest.mark.parametrize("path", ["/ingest?name=app&format=pprof", "/ingest?name=app", PUSH])
@pytest.mark.parametrize("layers", [1, 2])
def test_a_bomb_takes_no_more_memory_than_is_allowed(path: str, layers: int) -> None:
    ingest = Ingest(settings=Settings(max_body_bytes=8 << 20))
    body = BOMB if layers == 1 else gzip.compress(BOMB, mtime=0)
    content_type = FORM if path == "/ingest?name=app" else "application/proto"
    headers = {"Content-Encoding": "gzip"}
    tracemalloc.start()
    response = ingest.send("POST", path, body, content_type=content_type, headers=headers)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 400 <= response.status_code < 500
    assert peak < 24 << 20
    assert ingest.uploads == []


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (9, "9 B"),
        (16, "16 B"),
        (999, "999 B"),
        (1_600, "1.6 kB"),
        (82_854, "83 kB"),
        (1 << 20, "1.0 MB"),
        (4 << 20, "4.2 MB"),
        (256 << 20, "268 MB"),
        (5 << 40, "5498 GB"),
    ],
)
def test_sizes_are_human_readable(count: int, text: str) -> None:
    assert human_bytes(count) == text


@pytest.mark.parametrize("path", ["/ingest", "/pyroscope/ingest"])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_only_post_is_allowed(path: str, method: str) -> None:
    response = Ingest().send(method, path)
    assert rejection(response) == (405, "unimplemented", "only POST is allowed here")
    assert response.headers["Allow"] == "POST"


@pytest.mark.parametrize("path", ["/ingest", "/pyroscope/ingest"])
def test_both_paths_are_one_endpoint(path: str) -> None:
    ingest = Ingest()
    assert ingest.post(PROFILE, path=path).status_code == 200
    assert ingest.post(PROFILE).status_code == 200
    first, second = ingest.uploads
    assert first.id == second.id


def test_ready_responds_with_200() -> None:
    response = Ingest().send("GET", "/ready")
    assert (response.status_code, response.text) == (200, "ready")


@pytest.mark.parametrize(
    ("org_id", "status"), [("tenant-a", 200), ("", 200), ("a|b", 400), ("no spaces", 400), ("x" * 151, 400)]
)
@pytest.mark.parametrize("path", ["/ingest?name=app&format=pprof", PUSH])
def test_the_tenant_is_named_by_a_header(org_id: str, status: int, path: str) -> None:
    ingest = Ingest()
    body = pushed(series({"__name__": "process_cpu"}, PROFILE)) if path == PUSH else PROFILE
    response = ingest.send(
        "POST", path, body, content_type="application/proto", headers={"X-Scope-OrgID": org_id}
    )
    assert response.status_code == status
    assert [upload.tenant for upload in ingest.uploads] == ([org_id or "anonymous"] if status == 200 else [])


def outcome(ingest: Ingest, query: bytes, *messages: Message) -> tuple[int, str]:
    """Returns the status and message for a bare ASGI request whose body arrives in these messages."""
    sent: list[Message] = []
    waiting = iter(messages)

    async def receive() -> Message:
        return next(waiting)

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/ingest", "query_string": query, "headers": []}
    asyncio.run(serve(*routes, store=ingest.store, settings=ingest.settings)(scope, receive, send))
    return sent[0]["status"], json.loads(sent[1]["body"])["message"]


def test_a_truncated_body_gets_408() -> None:
    ingest = Ingest()
    start = {"type": "http.request", "body": PROFILE[:9], "more_body": True}
    assert outcome(ingest, b"name=app&format=pprof", start, {"type": "http.disconnect"})[0] == 408
    assert ingest.uploads == []


def test_a_query_string_may_be_any_bytes() -> None:
    status, message = outcome(Ingest(), b"name=\xff\xfe&format=pprof")
    assert (status, message) == (
        400,
        "name: invalid service name: \ufffd\ufffd: character is not allowed: '\ufffd'",
    )


@pytest.mark.parametrize(
    ("query", "shown", "label"),
    [
        (b"name=app{env=\xff\xfe}", 'env="\\udcff\\udcfe"', "value '\udcff\udcfe'"),
        (b"name=app%7Benv%3Dpr%ffod%7D", 'env="pr\\udcffod"', "value 'pr\udcffod'"),
        (
            b"name=app&spyName=%ed%a0%80",
            'pyroscope_spy="\\udced\\udca0\\udc80"',
            "value '\udced\udca0\udc80'",
        ),
    ],
)
def test_a_label_that_is_not_utf8_is_rejected(query: bytes, shown: str, label: str) -> None:
    ingest = Ingest()
    status, message = outcome(ingest, query + b"&format=pprof", {"type": "http.request", "body": PROFILE})
    assert status == 422
    assert message.startswith("pushing IngestInput-pprof failed push series with index 0 and id  failed: ")
    assert shown in message
    assert message.endswith(f"with error: invalid label {label}")
    assert ingest.uploads == []
