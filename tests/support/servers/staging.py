"""A deployment in one process: the write path in some mode, a bucket with notifications to a queue, and the worker."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from flamehouse.aws.queue import QueueMessage
from flamehouse.blobs.keys import DROPS, QUOTAS, STAGED
from flamehouse.identity.credentials import NoCredential
from flamehouse.services import Services
from flamehouse.settings import Settings
from flamehouse.store import Store
from flamehouse.web.http_app import http_app_of
from ingest import worker
from ingest.app import routes
from tests.support.queries.queries import Server
from tests.support.servers.apps import QUERIER_ROUTES
from tests.support.servers.client import Client
from tools.aws import REGION, LocalAws, LocalBucket, LocalQueue

_MAX_RECEIVES = 50
_PAUSE_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Staging:
    """A write path over `store` that stages uploads in `bucket`, whose puts become messages of `queue`."""

    services: Services
    bucket: LocalBucket
    queue: LocalQueue

    @classmethod
    def on(
        cls,
        aws: LocalAws,
        store: Store,
        settings: Settings,
        mode: str,
        blobs: tuple[LocalBucket, LocalQueue] | None = None,
    ) -> "Staging":
        bucket, queue = blobs or new_blobs(aws)
        places = replace(
            settings,
            ingest_mode=mode,
            blobs_dir=f"s3://{bucket.name}",
            aws_region=REGION,
            aws_endpoint_url_s3=aws.url,
            aws_endpoint_url_sqs=aws.url,
            blobs_queue_url=queue.url,
        )
        return cls(services=Services(settings=places, store=store), bucket=bucket, queue=queue)

    def through(self, store: Store) -> "Staging":
        """Returns the same bucket and queue, in a process with another store."""
        return replace(self, services=Services(settings=self.services.settings, store=store))

    def server(self, tenant: str) -> Server:
        """Returns the write path, for a tenant."""
        app = http_app_of([*routes, *QUERIER_ROUTES], lambda: self.services, NoCredential())
        return Server(client=Client(server=app, tenant=tenant))

    def keys(self, prefix: str = "") -> list[str]:
        """Returns the bucket's keys with the prefix, except that of the tenants' limits, which tests share."""
        return [key for key in self.bucket.objects() if key.startswith(prefix) and key != QUOTAS]

    def work_once(self) -> Mapping[str, Exception]:
        """Receives messages once and passes them to the worker; failed ones become visible again.

        Returns the errors by message.
        """
        records = self.queue.receive()
        failures = worker.work(self.services, messages_of(records))
        response = {"batchItemFailures": [{"itemIdentifier": id_} for id_ in failures]}
        self.queue.settle(records, json.dumps(response).encode())
        self.queue.expire([record for record in records if record["messageId"] in failures])
        return failures

    def drain(self) -> None:
        """Runs the worker until the queue is empty, including messages that are invisible for a while."""
        failures: Mapping[str, Exception] = {}
        for _ in range(_MAX_RECEIVES):
            if not self.queue.messages:
                return
            failures = self.work_once()
            if self.queue.messages:
                time.sleep(_PAUSE_S)
        raise AssertionError(f"{self.queue.messages} messages stay in the queue: {failures}")


def new_blobs(aws: LocalAws) -> tuple[LocalBucket, LocalQueue]:
    """Returns a bucket, and the queue of its notifications."""
    bucket, queue = aws.new_bucket(), aws.new_queue(attributes={"VisibilityTimeout": "3"})
    bucket.notify(queue, [STAGED, DROPS])
    return bucket, queue


def messages_of(records: Sequence[Mapping[str, Any]]) -> list[QueueMessage]:
    """Returns the messages of an event's records."""
    return [
        QueueMessage(
            id=record["messageId"],
            body=record["body"],
            receives=int(record["attributes"]["ApproximateReceiveCount"]),
        )
        for record in records
    ]
