"""Examines a deployment over HTTP: its readiness, access control, version and clock."""

import time
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from time import perf_counter
from typing import Final
from urllib.parse import urlsplit

import httpx

from cli.server import Server, ServerError
from flamehouse import VERSION
from flamehouse.pb.querier_pb2 import ProfileTypesRequest, ProfileTypesResponse
from flamehouse.settings import is_loopback
from flamehouse.store.doctor.finding import Finding, Severity
from flamehouse.units import NS_PER_MS

_TIMEOUT: Final = httpx.Timeout(30, connect=5)
_PROFILE_TYPES: Final = "/querier.v1.QuerierService/ProfileTypes"
_BUILD: Final = "/api/v1/status/buildinfo"
_UNAUTHORIZED: Final = frozenset({401, 403})
_SLOW_MS: Final = 1_000
_SKEW_S: Final = 5
"""The tolerated clock skew: more than the resolution of the date plus the latency of a response."""
_HOUR_MS: Final = 3_600_000


def examine_deployment(server: Server, clock: Callable[[], float] = time.time) -> Iterator[Finding]:
    """Yield the findings of a deployment; only one if it does not respond. `clock` returns Unix time in seconds."""
    try:
        ready = httpx.get(f"{server.url.rstrip('/')}/ready", timeout=_TIMEOUT)
    except httpx.HTTPError as error:
        text = f"{server.url} does not respond: {type(error).__name__}"
        yield _fault("deployment", text, "compare --url with the output Url of the stack")
        return
    if not ready.is_success:
        yield _fault("deployment", f"/ready returns {ready.status_code}", "see the log of the functions")
        return
    yield Finding(check="deployment", severity=Severity.OK, text=f"{server.url} is ready")
    # A proxy may remove the header.
    if "Date" in ready.headers:
        yield _clock(ready, clock())
    yield _door(server)
    yield from _with_credential(server)


def _clock(response: httpx.Response, now_s: float) -> Finding:
    """Compare the local clock with the date of a response, which has a resolution of one second."""
    skew = parsedate_to_datetime(response.headers["Date"]).timestamp() - now_s
    if abs(skew) < _SKEW_S:
        return Finding(check="clock", severity=Severity.OK, text="the deployment and this machine agree")
    text = f"the deployment's clock differs by {skew:+.0f} s from this machine's"
    return _warning("clock", text, "synchronize this machine's clock (NTP)")


def _door(server: Server) -> Finding:
    """Check that a request without a credential is rejected."""
    response = httpx.post(
        server.url.rstrip("/") + _PROFILE_TYPES,
        json={},
        headers={"Connect-Protocol-Version": "1"},
        timeout=_TIMEOUT,
    )
    if response.status_code in _UNAUTHORIZED:
        return Finding(
            check="access", severity=Severity.OK, text="requests without a credential are rejected"
        )
    text = f"a request without a credential gets {response.status_code}"
    if is_loopback(urlsplit(server.url).hostname or ""):
        return _warning("access", text, "set a credential before other machines may reach it")
    return _fault("access", text, "set a credential: all clients can read and write")


def _with_credential(server: Server) -> Iterator[Finding]:
    """Check that the credential can query, and compare the versions."""
    now_ms = time.time_ns() // NS_PER_MS
    request = ProfileTypesRequest(start=now_ms - _HOUR_MS, end=now_ms)
    try:
        version = server.build_version()
        server.query("ProfileTypes", request, ProfileTypesResponse())
        started = perf_counter()
        server.query("ProfileTypes", request, ProfileTypesResponse())
    except ServerError as error:
        yield _fault("queries", str(error), "see the log of the functions")
        return
    took_ms = (perf_counter() - started) * 1_000
    if version == VERSION:
        yield Finding(check="release", severity=Severity.OK, text=f"flamehouse {version} is deployed")
    else:
        yield _warning(
            "release",
            f"flamehouse {version} is deployed, but this is {VERSION}",
            "run: sam build && sam deploy",
        )
    text = f"a query of a warm function takes {took_ms:.0f} ms"
    if took_ms < _SLOW_MS:
        yield Finding(check="queries", severity=Severity.OK, text=text)
    else:
        yield _warning(
            "queries",
            text,
            "compare with the latency of ClickHouse above; increase FunctionMemory for more CPU",
        )


def _fault(check: str, text: str, advice: str) -> Finding:
    return Finding(check=check, severity=Severity.FAULT, text=text, advice=advice)


def _warning(check: str, text: str, advice: str) -> Finding:
    return Finding(check=check, severity=Severity.WARNING, text=text, advice=advice)
