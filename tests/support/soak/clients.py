"""Clients of the soak: each sends every upload of a round once, as a request or as dropped files, until it is acknowledged."""

import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import count
from threading import Event
from typing import TYPE_CHECKING, Final

import httpx

from tests.support.soak.uploads import Client, File, Request
from tools.gateway.cloud import Cloud

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_TIMEOUT_S: Final = 60
_RETRY_S: Final = 0.5
_LAST_TRY_S: Final = 120
_AGAIN: Final = 7
"""One upload in this many is sent twice, as after a lost response."""


@dataclass(slots=True, kw_only=True)
class Sent:
    """What clients have sent: the names of acknowledged requests and dropped files by tenant, and how it went."""

    acknowledged: dict[str, set[str]] = field(default_factory=dict)
    latencies_s: list[float] = field(default_factory=list)
    """Seconds from a request to its 200."""
    statuses: Counter[int] = field(default_factory=Counter)
    """The statuses of all responses; 0 for a request without one."""
    requests: int = 0
    files: int = 0
    again: int = 0

    def add(self, tenant: str, name: str) -> None:
        self.acknowledged.setdefault(tenant, set()).add(name)

    def include(self, other: "Sent") -> None:
        self.acknowledged |= other.acknowledged
        self.latencies_s += other.latencies_s
        self.statuses += other.statuses
        self.requests += other.requests
        self.files += other.files
        self.again += other.again


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Sends uploads to a deployment; for one thread."""

    deployed: Cloud
    http: httpx.Client
    s3: "S3Client"
    sent: Sent

    @classmethod
    @contextmanager
    def to(cls, deployed: Cloud) -> "Iterator[Sender]":
        """Yields a sender whose connections are closed at the end."""
        with (
            httpx.Client(base_url=deployed.url, timeout=_TIMEOUT_S) as http,
            closing(deployed.aws.s3()) as s3,
        ):
            # Headers that the client library adds by itself are not part of the request.
            http.headers.clear()
            yield cls(deployed=deployed, http=http, s3=s3, sent=Sent())

    def request(self, tenant: str, request: Request) -> None:
        """Sends the request until it is acknowledged. Raises TimeoutError if it never is."""
        give_up = time.monotonic() + _LAST_TRY_S
        while (status := self._status(tenant, request)) != httpx.codes.OK:
            if time.monotonic() > give_up:
                raise TimeoutError(f"{request.name} is not acknowledged: {status}")
            time.sleep(_RETRY_S)
        self.sent.add(tenant, request.name)

    def drop(self, tenant: str, file: File, name: str = "") -> None:
        """Puts the file into the bucket, under another name if one is given."""
        key = f"drops/{tenant}/{file.service}/{name or file.name}"
        self.s3.put_object(Bucket=self.deployed.blobs.name, Key=key, Body=file.content)
        self.sent.add(tenant, file.path)

    def _status(self, tenant: str, request: Request) -> int:
        headers = {
            **request.headers,
            "X-Scope-OrgID": tenant,
            "Authorization": f"Bearer {self.deployed.credential}",
        }
        before = time.perf_counter()
        try:
            response = self.http.post(request.target, content=request.body, headers=headers)
        except httpx.TransportError:
            self.sent.statuses[0] += 1
            return 0
        if response.status_code == httpx.codes.OK:
            self.sent.latencies_s.append(time.perf_counter() - before)
        self.sent.statuses[response.status_code] += 1
        return response.status_code


def send_rounds(
    deployed: Cloud,
    clients: Sequence[Client],
    number: int,
    *,
    pause_s: float,
    chosen: random.Random,
    ended: Event,
) -> Sent:
    """Sends all uploads in random order until the end, a new tenant each round; pauses up to `pause_s` each time."""
    rounds = (
        (f"soak-{number}-{round_}", client) for round_ in count() for client in _shuffled(clients, chosen)
    )
    with Sender.to(deployed) as sender:
        for turn in count():
            if ended.wait(chosen.uniform(0, pause_s)):
                break
            _send(sender, turn, *next(rounds))
        return sender.sent


def _shuffled(clients: Sequence[Client], chosen: random.Random) -> list[Client]:
    return chosen.sample(clients, len(clients))


def _send(sender: Sender, turn: int, tenant: str, client: Client) -> None:
    """Sends requests and files in turn."""
    again = turn % _AGAIN == _AGAIN - 1
    sender.sent.again += again
    if turn % 2 == 0 or not client.files:
        sender.sent.requests += 1
        for _ in range(1 + again):
            sender.request(tenant, client.request)
        return
    for file in client.files:
        sender.sent.files += 1
        sender.drop(tenant, file)
        if again:
            sender.drop(tenant, file, f"again-{file.name}")
