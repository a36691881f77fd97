"""The uploads of the soak: recorded requests of all clients, and the files in them; without recordings, made ones."""

import gzip
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from flamehouse.pb.push_pb2 import PushRequest
from tests.support.queries.recorded import CLIENTS, NOT_REPLAYED, Recording, recordings_of
from tests.support.uploads.profiles import labels_of
from tests.support.uploads.stack_uploads import groups
from tests.support.uploads.uploads import FORM, PUSH, form, pprof, pushed, series

type Totals = Mapping[str, int]
"""The sum of each profile type."""

_OTLP: Final = "/v1development/profiles"
_GZIP: Final = b"\x1f\x8b"
_MADE: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """An upload as an HTTP request; `totals` are what Pyroscope stored of it, None if that is not recorded."""

    name: str
    target: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    totals: Totals | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A profile as a file, dropped below `service`."""

    name: str
    service: str
    content: bytes = field(repr=False)

    @property
    def path(self) -> str:
        """The file's key below the tenant."""
        return f"{self.service}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """One upload of a client: a request, and the same profiles as files if there are any."""

    request: Request
    files: Sequence[File]


def uploads(fixtures: Path) -> list[Client]:
    """Returns the recorded uploads below a folder; without it, uploads made here."""
    if not fixtures.is_dir():
        return [*_made()]
    return [_recorded(each) for client in CLIENTS for each in recordings_of(fixtures / "sdk" / client)]


def _recorded(recording: Recording) -> Client:
    folder = recording.folder
    name = f"{folder.parent.name}-{folder.name}"
    request = json.loads((folder / "request.json").read_text())
    body = (folder / "body.bin").read_bytes()
    headers = {key: value for key, value in request["headers"] if key.lower() not in _omitted()}
    expected = json.loads((folder / "expected.json").read_text())
    return Client(
        request=Request(
            name=name,
            target=f"{request['path']}?{request['query']}",
            headers=headers,
            body=body,
            totals={each["id"]: int(each["series_total"]) for each in expected["profile_types"]},
        ),
        files=[
            File(name=f"{number}.profile", service=name, content=content)
            for number, content in enumerate(_contents(request, headers, body))
        ],
    )


def _omitted() -> set[str]:
    return {*NOT_REPLAYED, "authorization"}


def _contents(request: Mapping[str, Any], headers: Mapping[str, str], body: bytes) -> list[bytes]:
    """Returns the profiles in a request, each as the content of a file; none for OTLP, which is not a file format."""
    if request["path"] == _OTLP:
        return []
    types = {name.lower(): value for name, value in headers.items()}
    if request["path"] == PUSH:
        message = gzip.decompress(body) if body.startswith(_GZIP) else body
        pushed_ = PushRequest.FromString(message)
        return [sample.raw_profile for each in pushed_.series for sample in each.samples]
    if "multipart/form-data" in types["content-type"]:
        parts = dict(_parts(body, types["content-type"].partition("boundary=")[2]))
        return [parts.get("profile") or parts["jfr"]]
    return [body]


def _parts(body: bytes, boundary: str) -> Iterator[tuple[str, bytes]]:
    """Yields the name and the content of each part of a form."""
    for part in body.split(f"--{boundary}".encode())[1:-1]:
        head, _, content = part.partition(b"\r\n\r\n")
        found = re.search(rb'[; ]name="?([^";\r]+)', head)
        assert found, head
        yield found[1].decode(), content.removesuffix(b"\r\n")


def _made() -> Iterator[Client]:
    """Yields uploads by Push, as a form and as text, each with different values."""
    for number in range(_MADE):
        profile = pprof(time_ns=_of_number(number))
        content = profile.SerializeToString()
        text = groups({"main;work": 3 + number, "main;rest": 1})
        sent = (
            (PUSH, "application/proto", pushed(series(labels_of(), content)), content),
            ("/ingest?name=form&format=pprof", FORM, form(("profile", content)), content),
            (f"/ingest?name=text-{number}&format=groups", "text/plain", text, text),
        )
        for target, type_, body, file in sent:
            name = f"made-{number}-{target.partition('=')[2] or 'push'}"
            yield Client(
                request=Request(name=name, target=target, headers={"Content-Type": type_}, body=body),
                files=[File(name="0.profile", service=name, content=file)],
            )


def _of_number(number: int) -> int:
    return 1_795_379_976_300_880_149 + number * 1_000_000_000
