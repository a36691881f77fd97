"""Runs the soak: a reference without faults, then clients and faults at random, and what the store has in the end."""

import random
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Final

from flamehouse.blobs.keys import QUARANTINE, STAGED
from flamehouse.telemetry import events
from tests.support.soak.clients import Sender, Sent, send_rounds
from tests.support.soak.faults import Switched, switching
from tests.support.soak.memory import memory_mb
from tests.support.soak.sums import Sums, added_up, sums_by_tenant
from tests.support.soak.uploads import Client
from tools.gateway.cloud import Cloud, cloud

_VISIBILITY_S: Final = 10
"""Shorter than on AWS, so that the queue is drained soon after the last fault."""
_DRAINED_S: Final = 1_800
_REFERENCE: Final = "reference"


@dataclass(frozen=True, slots=True, kw_only=True)
class Soaked:
    """The outcome of a soak. Nothing is lost or doubled if `stored` equals `acknowledged`."""

    acknowledged: Mapping[str, Sums]
    stored: Mapping[str, Sums]
    alone: Mapping[str, Sums]
    """The sums of each upload by its name, sent once without a fault."""
    sent: Sent
    faults: Switched
    staged: int
    """The number of puts of staged uploads."""
    drained_s: float
    """Seconds from the end of faults and clients until the queue was empty."""
    quarantined: Sequence[str]
    missing: int
    """The number of reports of acknowledged uploads that were neither staged nor stored."""
    memory_before: Mapping[tuple[str, int], int]
    memory_after: Mapping[tuple[str, int], int]

    @property
    def differing(self) -> list[str]:
        """Returns the tenants whose stored sums differ from the acknowledged ones."""
        tenants = sorted(self.acknowledged.keys() | self.stored.keys())
        return [each for each in tenants if self.acknowledged.get(each) != self.stored.get(each)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """How long clients send, how many, how long each pauses at most between uploads, and the seed of all random choices."""

    seconds: float = 300
    clients: int = 4
    pause_s: float = 1.2
    seed: int = 1


def soak(build: Path, folder: Path, uploads: Sequence[Client], load: Load) -> Soaked:
    """Runs the functions in `build` under this load, with data and logs below `folder`."""
    with cloud(build, folder, retention_days=0, through_proxy=True) as deployed:
        deployed.queue.client.set_queue_attributes(
            QueueUrl=deployed.queue.url, Attributes={"VisibilityTimeout": str(_VISIBILITY_S)}
        )
        alone = _reference(deployed, uploads)
        before, puts = memory_mb(deployed.functions), _staged_puts(deployed)
        sent, faults = _under_faults(deployed, uploads, load)
        drained_s = _drain(deployed)
        return Soaked(
            acknowledged={
                tenant: added_up(alone[name] for name in names) for tenant, names in sent.acknowledged.items()
            },
            stored={
                tenant: sums
                for tenant, sums in sums_by_tenant(deployed.clickhouse).items()
                if not tenant.startswith(_REFERENCE)
            },
            alone=alone,
            sent=sent,
            faults=faults,
            staged=_staged_puts(deployed) - puts,
            drained_s=drained_s,
            quarantined=[key for key in deployed.blobs.objects() if key.startswith(QUARANTINE)],
            missing=deployed.functions.printed().count(events.STAGED_UPLOAD_MISSING.name),
            memory_before=before,
            memory_after=memory_mb(deployed.functions),
        )


def _under_faults(deployed: Cloud, uploads: Sequence[Client], load: Load) -> tuple[Sent, Switched]:
    """Sends uploads while faults are switched; returns after the last fault, once everything sent is acknowledged."""
    ended = Event()
    with (
        ThreadPoolExecutor(load.clients) as threads,
        switching(deployed.proxy, random.Random(load.seed)) as faults,
    ):
        running = [
            threads.submit(
                send_rounds,
                deployed,
                uploads,
                number,
                pause_s=load.pause_s,
                chosen=random.Random(f"{load.seed} {number}"),
                ended=ended,
            )
            for number in range(load.clients)
        ]
        ended.wait(load.seconds)
        ended.set()
    sent = Sent()
    for each in running:
        sent.include(each.result())
    return sent, faults


def _reference(deployed: Cloud, uploads: Sequence[Client]) -> dict[str, Sums]:
    """Returns the sums of each request and file, by its name; each is sent once, as a separate tenant."""
    tenants: dict[str, str] = {}
    with Sender.to(deployed) as sender:
        for client in uploads:
            tenants[client.request.name] = f"{_REFERENCE}-{len(tenants)}"
            sender.request(tenants[client.request.name], client.request)
            for file in client.files:
                tenants[file.path] = f"{_REFERENCE}-{len(tenants)}"
                sender.drop(tenants[file.path], file)
    _drain(deployed)
    stored = sums_by_tenant(deployed.clickhouse)
    return {name: stored[tenant] for name, tenant in tenants.items()}


def _drain(deployed: Cloud) -> float:
    """Returns the seconds until the queue is empty and nothing is staged. Raises TimeoutError if that is too long."""
    started = time.monotonic()
    while deployed.queue.messages or _is_staged(deployed):
        if time.monotonic() - started > _DRAINED_S:
            raise TimeoutError(f"{deployed.queue.messages} messages: {deployed.functions.printed()[-2_000:]}")
        time.sleep(0.2)
    return time.monotonic() - started


def _is_staged(deployed: Cloud) -> bool:
    found = deployed.blobs.client.list_objects_v2(Bucket=deployed.blobs.name, Prefix=STAGED, MaxKeys=1)
    return bool(found["KeyCount"])


def _staged_puts(deployed: Cloud) -> int:
    return sum(each.startswith(f"PUT /{deployed.blobs.name}/{STAGED}") for each in deployed.aws.operations)
