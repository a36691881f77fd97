"""A tenant's data, and requests about it by every documented route, for tests in which another tenant sends them."""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final
from urllib.parse import quote

import httpx

from tests.support.queries.shop_data import HOUR
from tests.support.queries.valid_requests import SERVICE
from tests.support.uploads.otlp import PATH as OTLP_HTTP
from tests.support.uploads.otlp import PROTO, Export
from tests.support.uploads.otlp import RPC_PATH as OTLP_RPC
from tests.support.uploads.profiles import CPU, MS, Sample, pprof_of
from tests.support.uploads.uploads import PUSH, pushed, series

ADHOC: Final = "/adhocprofiles.v1.AdHocProfileService"
SETTINGS: Final = "/settings.v1.SettingsService"
SPAN: Final = "9a517183f26a0aaa"
TRACE: Final = "0af7651916cd43dd8448eb211c80aaaa"
VALUE: Final = 777_000_777
LABELS: Final = {"__name__": "process_cpu", "service_name": "secretsvc", "secretlabel": "secretvalue"}
FILE: Final = b"secretfunc;secretleaf 777000777\n"
MARKERS: Final = (
    "secretsvc",
    "secretlabel",
    "secretvalue",
    "secretfunc",
    "secretleaf",
    "secretfile",
    "secretsetting",
    "secretcontent",
    str(VALUE),
)
"""Texts in the data: a response shows the data if it has one that its request lacks."""
_JSON: Final = "application/json"
_MINUTE: Final = 60_000
_SELECTORS: Final = (
    "{}",
    '{service_name="secretsvc"}',
    '{service_name=~".*"}',
    '{secretlabel!=""}',
    '{tenant="%s"}',
    '{__tenant_id__="%s"}',
    "{service_name=\"x' OR tenant = '%s' OR '1'='1\"}",
    "{service_name=~\"') OR (tenant = '%s\"}",
)
_LABEL_NAMES: Final = (
    "service_name",
    "secretlabel",
    "tenant",
    "x'] OR tenant != labels['x",
    "x}, {tenant:String",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A request without credential and tenant."""

    method: str = "POST"
    target: str
    body: bytes = b""
    content_type: str = ""

    @property
    def text(self) -> str:
        return f"{self.target} {self.body.decode(errors='replace')}"


@dataclass(frozen=True, kw_only=True)
class Tenant:
    """A client whose token is for one tenant, with every scope."""

    url: str
    name: str
    token: str = field(repr=False)

    @cached_property
    def _client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=60)

    def send(self, sent: Sent, *headers: tuple[str, str], target: str = "") -> httpx.Response:
        """Sends a request, with more headers or to another target."""
        own = [("Authorization", f"Bearer {self.token}"), ("Content-Type", sent.content_type), *headers]
        named = [(name.encode(), value.encode()) for name, value in own if value or name != "Content-Type"]
        return self._client.request(sent.method, target or sent.target, content=sent.body, headers=named)

    def json(self, path: str, **body: Any) -> Any:
        """Calls an RPC in JSON; checks that the response is a 200."""
        response = self.send(rpc(path, body))
        assert response.status_code == 200, response.text
        return response.json()

    def close(self) -> None:
        self._client.close()


def rpc(path: str, body: Mapping[str, Any]) -> Sent:
    return Sent(target=path, body=json.dumps(body).encode(), content_type=_JSON)


def uploads_of(start: int) -> Mapping[str, Sent]:
    """Returns an upload for every upload route, with profiles a minute apart."""
    name = quote("secretsvc{secretlabel=secretvalue}")
    since = start // 1_000
    return {
        PUSH: Sent(target=PUSH, body=pushed(series(LABELS, _pprof(start))), content_type="application/proto"),
        "/ingest": Sent(
            target=f"/ingest?name={name}&from={since + 60}&until={since + 70}&format=folded", body=FILE
        ),
        "/pyroscope/ingest": Sent(
            target=f"/pyroscope/ingest?name={name}&format=pprof", body=_pprof(start + 2 * _MINUTE)
        ),
        OTLP_HTTP: Sent(target=OTLP_HTTP, body=_export(start + 3 * _MINUTE), content_type=PROTO),
        OTLP_RPC: Sent(target=OTLP_RPC, body=_export(start + 4 * _MINUTE), content_type=PROTO),
        f"{ADHOC}/Upload": rpc(
            f"{ADHOC}/Upload", {"name": "secretfile.folded", "profile": base64.b64encode(FILE).decode()}
        ),
        f"{SETTINGS}/Set": rpc(
            f"{SETTINGS}/Set",
            {"setting": {"name": "secretsetting", "value": "secretcontent", "modifiedAt": "5"}},
        ),
    }


def _pprof(time_ms: int) -> bytes:
    samples = [
        Sample(stack=["secretfunc", "secretleaf"], values=(VALUE,)),
        Sample(stack=["secretfunc"], values=(5,), labels={"span_id": SPAN, "trace_id": TRACE}),
    ]
    return pprof_of(samples, time_ms=time_ms).SerializeToString()


def _export(time_ms: int) -> bytes:
    export = Export()
    sample = export.sample(["secretfunc", "secretleaf"], (VALUE,))
    resource = {"service.name": "secretsvc", "secretlabel": "secretvalue"}
    return export.add(export.profile(sample, time_ns=time_ms * MS), resource=resource).body


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """What an attacker may know of the data of the tenant `owner`: names, times, and ids from its own responses."""

    owner: str
    start: int
    file_id: str
    profile_id: str

    @property
    def range(self) -> dict[str, Any]:
        return {"start": self.start - HOUR, "end": self.start + HOUR}

    @property
    def selectors(self) -> Sequence[str]:
        return [each.replace("%s", self.owner) for each in _SELECTORS]

    def selection(self, selector: str = '{service_name="secretsvc"}') -> dict[str, Any]:
        return {"profileTypeID": CPU, "labelSelector": selector, **self.range}


def known_of(owner: Tenant, start: int, file_id: str) -> Secrets:
    """Returns the secrets of the tenant that has sent `uploads_of(start)`."""
    known = Secrets(owner=owner.name, start=start, file_id=file_id, profile_id="")
    exemplars = {**known.selection(), "step": 3_600, "exemplarType": "EXEMPLAR_TYPE_INDIVIDUAL"}
    [found] = owner.json(f"{SERVICE}/SelectSeries", **exemplars)["series"]
    [exemplar, *_] = [each for point in found["points"] for each in point.get("exemplars", [])]
    return Secrets(owner=owner.name, start=start, file_id=file_id, profile_id=exemplar["profileId"])


def reads_of(known: Secrets) -> Mapping[str, Sequence[Sent]]:
    """Returns requests that show the data to its owner, by path; the first of each route always shows it."""
    found: dict[str, list[Sent]] = {
        "/pyroscope/render": [_render(known, selector) for selector in known.selectors[1:]],
        "/pyroscope/render-diff": [_render_diff(known)],
        "/pyroscope/label-values": [_label_values(known, name) for name in _LABEL_NAMES],
        "/api/v1/usage": [
            Sent(method="GET", target=f"/api/v1/usage{query}")
            for query in ("", f"?tenant={known.owner}&days=9999")
        ],
        f"{ADHOC}/List": [rpc(f"{ADHOC}/List", {})],
        f"{ADHOC}/Get": [rpc(f"{ADHOC}/Get", {"id": id_}) for id_ in _file_ids(known)],
        f"{ADHOC}/Diff": [
            rpc(f"{ADHOC}/Diff", {"leftId": id_, "rightId": known.file_id}) for id_ in _file_ids(known)
        ],
        f"{SETTINGS}/Get": [
            rpc(f"{SETTINGS}/Get", {}),
            rpc(f"{SETTINGS}/Get", {"tenant": known.owner}),
        ],
    }
    return found | {f"{SERVICE}/{name}": requests for name, requests in _queries(known).items()}


def _queries(known: Secrets) -> Mapping[str, list[Sent]]:
    """Returns the queries by the name of the RPC."""
    window = known.range
    selections = [known.selection(each) for each in known.selectors[1:]]
    site = {"stackTraceSelector": {"callSite": [{"name": "secretfunc"}]}}
    traces: list[Mapping[str, Any]] = [
        {"traceIdSelector": [TRACE]},
        {"profileIdSelector": [known.profile_id]},
        site,
        {},
    ]
    bodies: Mapping[str, list[Mapping[str, Any]]] = {
        "ProfileTypes": [window],
        "LabelNames": [{"matchers": [each], **window} for each in known.selectors],
        "LabelValues": [{"name": name, "matchers": ["{}"], **window} for name in _LABEL_NAMES],
        "Series": [{"matchers": [each], "labelNames": [], **window} for each in known.selectors],
        "SelectMergeStacktraces": [
            *selections,
            *({**known.selection("{}"), **more} for more in traces),
            {**selections[0], "format": "PROFILE_FORMAT_DOT"},
            {**selections[0], "async": {"type": "ASYNC_QUERY_TYPE_FORCE"}},
        ],
        "SelectMergeSpanProfile": [{**each, "spanSelector": [SPAN]} for each in selections],
        "SelectMergeProfile": [*selections, *({**known.selection("{}"), **more} for more in traces)],
        "SelectSeries": [
            {**each, "step": 15, "groupBy": ["service_name", "secretlabel", "tenant"]} for each in selections
        ],
        "SelectHeatmap": [
            {**each, "step": 15, "groupBy": ["service_name"], "exemplarType": "EXEMPLAR_TYPE_INDIVIDUAL"}
            for each in selections
        ],
        "Diff": [{"left": each, "right": known.selection("{}")} for each in selections],
        "GetProfileStats": [{}],
        "AnalyzeQuery": [{"query": f"{CPU}{each}", **window} for each in known.selectors],
    }
    return {name: [rpc(f"{SERVICE}/{name}", each) for each in of_rpc] for name, of_rpc in bodies.items()}


def _file_ids(known: Secrets) -> Sequence[str]:
    return known.file_id, f"../{known.owner}/{known.file_id}", f"{known.owner}/{known.file_id}"


def _render(known: Secrets, selector: str) -> Sent:
    query = quote(CPU + selector)
    return Sent(method="GET", target=f"/pyroscope/render?query={query}&{_times(known)}&tenant={known.owner}")


def _render_diff(known: Secrets) -> Sent:
    query = quote(CPU + '{service_name="secretsvc"}')
    sides = "&".join(f"{side}Query={query}&{_times(known, side)}" for side in ("left", "right"))
    return Sent(method="GET", target=f"/pyroscope/render-diff?{sides}")


def _label_values(known: Secrets, name: str) -> Sent:
    return Sent(method="GET", target=f"/pyroscope/label-values?label={quote(name)}&{_times(known)}")


def _times(known: Secrets, side: str = "") -> str:
    since, until = ("From", "Until") if side else ("from", "until")
    return f"{side}{since}={known.range['start']}&{side}{until}={known.range['end']}"


def changes_of(known: Secrets) -> Mapping[str, Sequence[Sent]]:
    """Returns requests that would change the data if its owner sent them, by path."""
    delete = rpc(f"{SETTINGS}/Delete", {"name": "secretsetting"})
    others = {f"{SETTINGS}/Delete": [delete]}
    return {path: [sent] for path, sent in uploads_of(known.start).items()} | others


def other_names(owner: str, own: str) -> Sequence[str]:
    """Returns values of X-Scope-OrgID other than `own`: `owner`, several tenants, and invalid ones."""
    return (
        owner,
        f"{owner}|{own}",
        f"{own}|{owner}",
        f"{own},{owner}",
        f"{own}|",
        "|",
        "*",
        "..",
        f"limits/{owner}",
        f"../{owner}",
        f"{own}' OR tenant = '{owner}",
        f"{own}%00",
        own.upper(),
    )


def tricks(owner: str, own: str) -> Sequence[Sequence[tuple[str, str]]]:
    """Returns headers by which `own` may pose as `owner`, and which servers may ignore."""
    names = ("X_Scope_OrgID", "X-Tenant", "Tenant-ID", "X-Forwarded-User", "X-Amzn-Request-Context")
    both = [("X-Scope-OrgID", own), ("X-Scope-OrgID", owner)]
    return [*([(name, owner)] for name in names), both, both[::-1]]
