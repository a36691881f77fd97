"""Uploads as clients make them, and an app that records what it would store."""

import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import httpx

from flamehouse.model.profile import Upload
from flamehouse.pb.profile_pb2 import Function, Label, Line, Location, Profile, Sample, ValueType
from flamehouse.pb.profile_pb2 import Mapping as Mapped
from flamehouse.pb.push_pb2 import PushRequest, RawProfileSeries, RawSample
from flamehouse.pb.types_pb2 import LabelPair
from flamehouse.settings import Settings
from ingest.app import routes
from tests.support.servers.apps import request, serve
from tests.support.servers.doubles import CannedStore

PUSH = "/push.v1.PusherService/Push"
BOUNDARY = "e6fb46bf603f531e"
FORM = f"multipart/form-data; boundary={BOUNDARY}"
YEAR_2026_NS = 1_795_379_976_300_880_149
ANY_TIME = Settings(ingest_window_past_s=0)
"""Settings that accept old profiles, for replays."""

_CPU = (("samples", "count"), ("cpu", "nanoseconds"))


def pprof(
    types: Sequence[tuple[str, str]] = _CPU,
    *,
    time_ns: int = YEAR_2026_NS,
    labels: Mapping[str, str] | None = None,
) -> Profile:
    """Returns a profile of `main;work`, with `labels`, and `main;rest`, with values from 1 up."""
    texts = ["", "main", "work", "rest", "app.py", *(text for type_ in types for text in type_)]
    texts += [text for pair in (labels or {}).items() for text in pair]
    index = {text: texts.index(text) for text in texts}
    values = range(1, len(types) + 1)
    return Profile(
        string_table=texts,
        time_nanos=time_ns,
        sample_type=[ValueType(type=index[type_], unit=index[unit]) for type_, unit in types],
        period_type=ValueType(type=index[types[-1][0]], unit=index[types[-1][1]]),
        mapping=[Mapped(id=1, filename=4, has_functions=True)],
        function=[Function(id=id_, name=id_, system_name=id_, filename=4) for id_ in (1, 2, 3)],
        location=[Location(id=id_, mapping_id=1, line=[Line(function_id=id_, line=9)]) for id_ in (1, 2, 3)],
        sample=[
            Sample(
                location_id=[2, 1],
                value=values,
                label=[Label(key=index[key], str=index[value]) for key, value in (labels or {}).items()],
            ),
            Sample(location_id=[3, 1], value=values),
        ],
    )


def form(*parts: tuple[str, bytes], boundary: str = BOUNDARY, files: bool = True) -> bytes:
    """Returns a form of the parts, each a file by default."""
    pieces = []
    for name, content in parts:
        filename = f'; filename="{name}.bin"' if files else ""
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{filename}\r\n\r\n'
        pieces += [head.encode(), content, b"\r\n"]
    return b"".join((*pieces, f"--{boundary}--\r\n".encode()))


def series(
    labels: Mapping[str, str] | Sequence[tuple[str, str]], *profiles: bytes | Profile
) -> RawProfileSeries:
    """Returns one series of a push, with profiles numbered p0, p1, ..."""
    pairs = labels.items() if isinstance(labels, Mapping) else labels
    raw = [item if isinstance(item, bytes) else item.SerializeToString() for item in profiles]
    return RawProfileSeries(
        labels=[LabelPair(name=name, value=value) for name, value in pairs],
        samples=[RawSample(raw_profile=data, ID=f"p{number}") for number, data in enumerate(raw)],
    )


def pushed(*pushed_series: RawProfileSeries) -> bytes:
    """Returns the body of a push."""
    return PushRequest(series=pushed_series).SerializeToString()


def members(data: bytes, count: int) -> bytes:
    """Returns `data` as gzip of `count` members."""
    step = len(data) // count + 1
    return b"".join(gzip.compress(data[at : at + step], mtime=0) for at in range(0, len(data), step))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingest:
    """The write path over a store that records uploads."""

    settings: Settings = ANY_TIME
    store: CannedStore = field(default_factory=CannedStore)

    def post(
        self,
        body: bytes,
        query: str = "name=app&format=pprof",
        *,
        content_type: str = "application/octet-stream",
        headers: dict[str, str] | None = None,
        path: str = "/ingest",
    ) -> httpx.Response:
        """Sends an upload to /ingest."""
        return self.send("POST", f"{path}?{query}", body, content_type=content_type, headers=headers)

    def push(self, *pushed_series: RawProfileSeries, headers: dict[str, str] | None = None) -> httpx.Response:
        """Sends a push of the series."""
        return self.push_body(pushed(*pushed_series), headers=headers)

    def push_body(
        self, body: bytes, *, content_type: str = "application/proto", headers: dict[str, str] | None = None
    ) -> httpx.Response:
        """Sends a push unchanged."""
        return self.send("POST", PUSH, body, content_type=content_type, headers=headers)

    def send(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        content_type: str = "",
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        """Sends any request."""
        app = serve(*routes, store=self.store, settings=self.settings)
        return request(app, path, body, method=method, content_type=content_type, headers=headers)

    @property
    def uploads(self) -> list[Upload]:
        """Returns the stored uploads."""
        return [upload for method, upload in self.store.calls if method == "insert"]

    @property
    def profile_types(self) -> list[str]:
        """Returns the distinct stored profile types, sorted."""
        return sorted({part.profile_type for upload in self.uploads for part in upload.profiles})


def rejection(response: httpx.Response) -> tuple[int, str, str]:
    """Returns the status, code and message of an error."""
    body = json.loads(response.content)
    assert set(body) == {"code", "message"}
    return response.status_code, body["code"], body["message"]
