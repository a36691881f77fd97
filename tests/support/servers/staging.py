"""A deployment in one process: the write path in a mode, a bucket whose notifications go to a queue, and the worker."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from all_in_one import create_app
from flamehouse.blobs.keys import DROPS, STAGED
from flamehouse.serverless.queue_handler import QueueMessage
from flamehouse.services import Services
from flamehouse.settings import Settings
from flamehouse.store import Store
from ingest import worker
from tests.support.queries.queries import Server
from tests.support.servers.client import Client
from tools.aws import REGION, LocalAws, LocalBucket, LocalQueue

_MAX_RECEIVES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Staging:
    """A write path over `store` that stages in `bucket`, whose puts are messages of `queue`."""

    services: Services
    bucket: LocalBucket
    queue: LocalQueue

    @classmethod
    def on(cls, aws: LocalAws, store: Store, settings: Settings, mode: str) -> "Staging":
        bucket, queue = aws.new_bucket(), aws.new_queue()
        bucket.notify(queue, [STAGED, DROPS])
        places = replace(
            settings,
            ingest_mode=mode,
            blobs_dir=f"s3://{bucket.name}",
            aws_region=REGION,
            aws_endpoint_url_s3=aws.url,
        )
        return cls(services=Services(settings=places, store=store), bucket=bucket, queue=queue)

    def through(self, store: Store) -> "Staging":
        """The same bucket and queue, as a process with another store sees them."""
        return replace(self, services=Services(settings=self.services.settings, store=store))

    def server(self, tenant: str) -> Server:
        """The write path, for a tenant."""
        return Server(client=Client(server=create_app(lambda: self.services), tenant=tenant))

    def keys(self, prefix: str = "") -> list[str]:
        """The keys in the bucket that begin with the prefix."""
        return [key for key in self.bucket.objects() if key.startswith(prefix)]

    def work_once(self) -> Mapping[str, Exception]:
        """Receive messages once and hand them to the worker; those that fail are visible again. The errors, by message."""
        records = self.queue.receive()
        failures = worker.work(self.services, messages_of(records))
        answer = {"batchItemFailures": [{"itemIdentifier": id_} for id_ in failures]}
        self.queue.settle(records, json.dumps(answer).encode())
        self.queue.expire([record for record in records if record["messageId"] in failures])
        return failures

    def drain(self) -> None:
        """Work until the queue is empty."""
        for _ in range(_MAX_RECEIVES):
            if not self.queue.messages:
                return
            self.work_once()
        raise AssertionError(f"{self.queue.messages} messages stay in the queue")


def messages_of(records: Sequence[Mapping[str, Any]]) -> list[QueueMessage]:
    """The messages of an event's records."""
    return [
        QueueMessage(
            id=record["messageId"],
            body=record["body"],
            receives=int(record["attributes"]["ApproximateReceiveCount"]),
        )
        for record in records
    ]
