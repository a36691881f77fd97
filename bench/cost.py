"""Computes dollars per million uploads on AWS from the durations of the built functions (docs/cost.md)."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, median
from typing import Final

from bench.isolated import data_folder
from bench.plan import Plan
from bench.report import Line
from bench.stack import BUILD, TENANT, WORKER, Invoked, Stack, new_upload, stack
from flamehouse.settings import DIRECT, FALLBACK, STAGED
from tools.gateway.cloud import cloud, secret_of
from tools.gateway.event import HttpRequest, event_of

_INGEST: Final = "IngestFunction"
_DRAIN: Final = "DrainFunction"
_PUSH: Final = "/push.v1.PusherService/Push"
_AUTHORIZED: Final = {"tenants": ["*"], "scopes": ["ingest"], "credential_id": "0123456789"}
_SCHEDULE: Final = "rate(30 minutes)"
_BATCH: Final = 10
_DRAINED: Final = 300
_WARM: Final = 10
"""Single uploads are repeated this many times more often."""

_INSERT_MS: Final = 125.0
"""The wait in ClickHouse Cloud for a batch's INSERTs into one table, which run concurrently."""
_SELECT_MS: Final = 5.0
_S3_MS: Final = 25.0
"""The wait for a batch's requests of one kind, which run concurrently."""

_GB_SECOND: Final = 0.0000133334
_API: Final = 1.00
_INVOCATION: Final = 0.20
_S3: Final = {"PUT": 5.00, "GET": 0.40}
_SQS: Final = 0.40
_MESSAGES_A_REQUEST: Final = 10
"""SQS receives and deletes ten messages per request. The prices above are dollars per million in us-east-1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Duration:
    """The cost of one upload in a function: time on this machine, CPU time, waits on AWS, and memory."""

    here_ms: float = 0
    cpu_ms: float
    waits_ms: float
    memory_mb: int
    invocations: float

    @property
    def billed_ms(self) -> float:
        return self.cpu_ms + self.waits_ms

    @property
    def dollars(self) -> float:
        """The dollars per million uploads, for time and invocations."""
        return self.billed_ms * self.memory_mb / 1_024 * _GB_SECOND * 1_000 + self.invocations * _INVOCATION


def measure(plan: Plan) -> Sequence[Line]:
    """Deploy on this machine and measure; return a hint if there is no bundle."""
    if not BUILD.is_dir():
        return [Line(what="not measured: run make bundle", ours="")]
    with data_folder() as folder, cloud(BUILD, folder, retention_days=0) as deployed:
        asleep = deployed.aws.new_secret(json.dumps({**secret_of(deployed.clickhouse), "port": 9}))
        kinds: Mapping[str, Mapping[str, str]] = {
            "direct": {"IngestMode": DIRECT},
            "fallback, ClickHouse awake": {"IngestMode": FALLBACK},
            "fallback, ClickHouse asleep": {"IngestMode": FALLBACK, "ClickHouseSecretArn": asleep.arn},
            "staged": {"IngestMode": STAGED},
        }
        requests = {}
        for kind, parameters in kinds.items():
            with stack(deployed, folder, **parameters) as running:
                requests[kind] = _request(running, plan)
        with stack(deployed, folder) as running:
            worker = _worker(running, plan)
        with stack(deployed, folder, DrainSchedule=_SCHEDULE) as running:
            drain = _drain(running, plan)
    return [*_lines(requests, worker, drain)]


def _lines(requests: Mapping[str, Duration], worker: Duration, drain: Duration) -> Iterator[Line]:
    durations = {**requests, f"worker, batches of {_BATCH}": worker, f"drain of {_DRAINED}": drain}
    for kind, each in durations.items():
        yield Line(
            what=f"an upload: {kind}",
            ours=f"{each.cpu_ms:.1f} ms of CPU, and {each.waits_ms:.1f} ms of waiting on AWS",
            beside=f"{each.here_ms:.1f} ms here, {each.memory_mb} MB",
        )
    stored_by = {
        "direct": None,
        "fallback, ClickHouse awake": None,
        "fallback, ClickHouse asleep": worker,
        "staged": worker,
    }
    for kind, storing in stored_by.items():
        yield _total(kind, requests[kind], storing)
    yield _total(f"staged, DrainSchedule {_SCHEDULE}", requests["staged"], drain)


def _total(kind: str, request: Duration, stored_by: Duration | None) -> Line:
    parts = dollars(request, stored_by)
    return Line(
        what=f"a million uploads: {kind}",
        ours=f"${sum(parts.values()):.2f}",
        beside=", ".join(f"{part} {amount:.2f}" for part, amount in parts.items()),
    )


def dollars(request: Duration, stored_by: Duration | None) -> Mapping[str, float]:
    """Return the parts of the cost of a million uploads, which are staged if another function stores them."""
    parts = {"HTTP API": _API, "upload": request.dollars}
    if stored_by is not None:
        parts |= {"S3": _S3["PUT"] + _S3["GET"], "SQS": _SQS + 2 * _SQS / _MESSAGES_A_REQUEST}
        parts["storing"] = stored_by.dollars
    return parts


def _request(running: Stack, plan: Plan) -> Duration:
    """Measure warm uploads, each invoked as by the gateway."""
    invoked = [running.invoke(_INGEST, _event()) for _ in range(plan.repeats * _WARM + 1)]
    failed = [each.answer for each in invoked if each.answer["statusCode"] != 200]
    if failed:
        raise RuntimeError(f"{failed[0]}")
    return _duration(running, _INGEST, invoked[1:], 1)


def _event() -> dict[str, object]:
    request = HttpRequest(
        method="POST",
        path=_PUSH,
        query="",
        headers=[(b"content-type", b"application/proto"), (b"x-scope-orgid", TENANT.encode())],
        body=new_upload(),
        client="127.0.0.1",
    )
    return event_of(request, f"ANY {_PUSH}", _AUTHORIZED)


def _worker(running: Stack, plan: Plan) -> Duration:
    invoked = [running.invoke(WORKER, running.stage(_BATCH)) for _ in range(plan.repeats + 1)]
    return _duration(running, WORKER, invoked[1:], _BATCH)


def _drain(running: Stack, plan: Plan) -> Duration:
    """Measure drains of a queue, to which the bench sends the messages of uploads as S3 would."""
    invoked = []
    for _ in range(max(2, plan.repeats // 2)):
        for record in running.stage(_DRAINED)["Records"]:
            running.queue.client.send_message(QueueUrl=running.queue.url, MessageBody=record["body"])
        invoked.append(running.invoke(_DRAIN, {}))
    if running.quarantined or running.queue.messages:
        raise RuntimeError(running.functions.printed()[-2_000:])
    return _duration(running, _DRAIN, invoked[1:], _DRAINED)


def _duration(running: Stack, name: str, invoked: Sequence[Invoked], uploads: int) -> Duration:
    """Return the cost of one upload of an invocation: median time and mean CPU time."""
    function = running.cloud.deployment.functions.get(name)
    memory_mb = (function or running.cloud.deployment.functions[WORKER]).memory_mb
    batches = -(-uploads // 100)
    return Duration(
        here_ms=median(each.ms for each in invoked) / uploads,
        cpu_ms=mean(each.cpu_ms for each in invoked) / uploads,
        waits_ms=batches * _waits_ms(invoked[-1]) / uploads,
        memory_mb=memory_mb,
        invocations=1 / uploads,
    )


def _waits_ms(invoked: Invoked) -> float:
    """Return the milliseconds that a batch waits on AWS, which are billed like CPU time."""
    tables = sum(each.startswith("INSERT") for each in invoked.statements)
    return tables * _INSERT_MS + bool(invoked.statements["SELECT"]) * _SELECT_MS + len(invoked.s3) * _S3_MS
