"""A deployment in which the bucket sends no messages: the bench stages uploads and invokes each function itself."""

import hashlib
import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from time import perf_counter
from typing import Any, Final

from bench.floor import cpu_s
from bench.workload import Service, Shape, push_request
from flamehouse.blobs.keys import DROPS, QUARANTINE, STAGED
from ingest.received import Endpoint, ReceivedUpload
from tools.aws import LocalBucket, LocalQueue
from tools.gateway.cloud import Cloud
from tools.gateway.deployment import read_deployment
from tools.gateway.lambda_service import LambdaService

BUILD: Final = Path(".aws-sam/build")
WORKER: Final = "WorkerFunction"
TENANT: Final = "bench"
_EVENT: Final = Path("events/sqs-s3.json")
_SERVICE: Final = Service(0, Shape(drawn=60))
"""Its uploads have about 20 kB compressed, like those of the recorded clients."""
_NUMBERS: Final = count()


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoked:
    """An invocation: its wall time, and the CPU time of the function.

    `statements` counts ClickHouse's statements by `INSERT INTO table` or first word, `s3` the requests by method.
    """

    ms: float
    cpu_ms: float
    statements: Counter[str]
    s3: Counter[str]
    answer: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """The functions of a deployment with its own parameters, and their bucket and queue."""

    cloud: Cloud
    functions: LambdaService
    bucket: LocalBucket
    queue: LocalQueue

    def invoke(self, name: str, event: object) -> Invoked:
        """Invoke a function. Its CPU is that of its process, which runs only this invocation."""
        cpu_ms, statements, operations = (
            self._cpu_ms(name),
            self._statements(),
            len(self.cloud.aws.operations),
        )
        before = perf_counter()
        answer = json.loads(self.functions.invoke(name, json.dumps(event).encode()))
        return Invoked(
            ms=(perf_counter() - before) * 1_000,
            cpu_ms=self._cpu_ms(name) - cpu_ms,
            statements=self._statements() - statements,
            s3=Counter(each.partition(" ")[0] for each in self._of_bucket(operations)),
            answer=answer,
        )

    def stage(self, uploads: int) -> dict[str, Any]:
        """Stage new uploads; return the event with their messages."""
        keys = []
        for _ in range(uploads):
            body = new_upload()
            received = ReceivedUpload(
                tenant=TENANT,
                endpoint=Endpoint.PUSH,
                received_ns=time.time_ns(),
                content_type="application/proto",
                body=body,
            )
            key = f"{STAGED}{TENANT}/2026-01-07/10/{hashlib.sha256(body).hexdigest()}"
            self.bucket.client.put_object(Bucket=self.bucket.name, Key=key, Body=received.serialize())
            keys.append(key)
        return self._event(keys)

    def drop(self, content: bytes) -> dict[str, Any]:
        """Drop a file; return the event with its message."""
        key = f"{DROPS}{TENANT}/bench/{next(_NUMBERS)}.pprof"
        self.bucket.client.put_object(Bucket=self.bucket.name, Key=key, Body=content)
        return self._event([key])

    @property
    def quarantined(self) -> bool:
        """Whether any object could not be stored."""
        found = self.bucket.client.list_objects_v2(Bucket=self.bucket.name, Prefix=QUARANTINE, MaxKeys=1)
        return bool(found["KeyCount"])

    def pid(self, name: str) -> int | None:
        """Return the id of the function's process; None if it does not run."""
        return next((pid for pid, each in self.functions.processes().items() if each == name), None)

    def _event(self, keys: Sequence[str]) -> dict[str, Any]:
        [sample] = json.loads(_EVENT.read_text())["Records"]
        [notified] = json.loads(sample["body"])["Records"]
        records = []
        for key in keys:
            s3 = {**notified["s3"], "bucket": {"name": self.bucket.name}, "object": {"key": key, "size": 1}}
            body = json.dumps({"Records": [{**notified, "s3": s3}]})
            records.append({**sample, "messageId": key, "body": body})
        return {"Records": records}

    def _cpu_ms(self, name: str) -> float:
        pid = self.pid(name)
        return 0 if pid is None else cpu_s(pid) * 1_000

    def _statements(self) -> Counter[str]:
        return Counter(_head_of(each) for each in self.cloud.clickhouse.received())

    def _of_bucket(self, since: int) -> Iterator[str]:
        prefix = f"/{self.bucket.name}"
        return (
            each for each in self.cloud.aws.operations[since:] if each.partition(" ")[2].startswith(prefix)
        )


def _head_of(statement: str) -> str:
    words = statement.split()
    return " ".join(words[:3]) if words[0] == "INSERT" else words[0]


def new_upload() -> bytes:
    """Return a push request that differs from all earlier ones."""
    return push_request([_SERVICE.draw(next(_NUMBERS))])


@contextmanager
def stack(deployed: Cloud, folder: Path, **parameters: str) -> Iterator[Stack]:
    """Yield a stack with these template parameters, in a subfolder of `folder`, in addition to the deployment."""
    bucket, queue = deployed.aws.new_bucket(), deployed.aws.new_queue()
    own = {"BlobsBucket": bucket.name, "BlobsQueue": queue.url, **parameters}
    place = folder / bucket.name
    place.mkdir()
    deployment = read_deployment(BUILD, {**deployed.parameters, **own})
    functions = LambdaService(deployment, deployed.aws.environ(), place)
    try:
        yield Stack(cloud=deployed, functions=functions, bucket=bucket, queue=queue)
    finally:
        functions.close()
