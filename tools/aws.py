"""S3, SQS and Secrets Manager on a local port, provided by moto's server."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4
from wsgiref.types import StartResponse, WSGIEnvironment

import boto3
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

from tools.message_moves import OPERATION, start_move_task

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType

REGION: Final = "eu-central-1"
_MAX_RECEIVED: Final = 10
"""The maximum number of messages that SQS returns per request."""
_QUEUE_CHANGES: Final = ("AmazonSQS.SendMessage", "AmazonSQS.DeleteMessage")


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalAws:
    """A running server; `operations` names the received operations in order (for S3, by method and path)."""

    url: str
    operations: list[str]
    access_key_id: str = "AKIDLOOPBACK"
    secret_access_key: str = field(default="loopback-secret-key", repr=False)

    def environ(self) -> dict[str, str]:
        """Return the environment variables of a function that calls this server."""
        return {
            "AWS_ENDPOINT_URL_S3": self.url,
            "AWS_ENDPOINT_URL_SECRETS_MANAGER": self.url,
            "AWS_ENDPOINT_URL_SQS": self.url,
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
        }

    def s3(self) -> "S3Client":
        """Return a client for the server's S3."""
        return self._session().client("s3", endpoint_url=self.url)

    def secrets(self) -> "SecretsManagerClient":
        """Return a client for the server's Secrets Manager."""
        return self._session().client("secretsmanager", endpoint_url=self.url)

    def sqs(self) -> "SQSClient":
        """Return a client for the server's SQS."""
        return self._session().client("sqs", endpoint_url=self.url)

    def new_queue(
        self, name: str = "", attributes: "Mapping[QueueAttributeNameType, str] | None" = None
    ) -> "LocalQueue":
        """Create an empty queue; the default name is unique."""
        client = self.sqs()
        name = name or f"queue-{uuid4().hex}"
        url = client.create_queue(QueueName=name, Attributes=attributes or {})["QueueUrl"]
        found = client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return LocalQueue(url=url, arn=found["Attributes"]["QueueArn"], client=client)

    def new_bucket(self, name: str = "") -> "LocalBucket":
        """Create an empty bucket; the default name is unique."""
        name = name or f"bucket-{uuid4().hex}"
        client = self.s3()
        client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
        return LocalBucket(name=name, client=client)

    def new_secret(self, text: str) -> "LocalSecret":
        """Create a secret with a unique name."""
        client = self.secrets()
        arn = client.create_secret(Name=f"flamehouse/{uuid4().hex}", SecretString=text)["ARN"]
        return LocalSecret(arn=arn, client=client, operations=self.operations)

    def _session(self) -> boto3.Session:
        return boto3.Session(
            aws_access_key_id=self.access_key_id,
            aws_secret_access_key=self.secret_access_key,
            region_name=REGION,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalBucket:
    """A bucket on the server."""

    name: str
    client: "S3Client"

    def objects(self) -> dict[str, bytes]:
        """Return the contents of all objects, by key."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name)
        keys = [each["Key"] for page in pages for each in page.get("Contents", ())]
        return {key: self.client.get_object(Bucket=self.name, Key=key)["Body"].read() for key in keys}

    def notify(self, queue: "LocalQueue", prefixes: Sequence[str]) -> None:
        """Notify the queue with a test event, and with a message for every object that is later put below a prefix."""
        configurations: list[Any] = [
            {
                "QueueArn": queue.arn,
                "Events": ["s3:ObjectCreated:*"],
                "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": prefix}]}},
            }
            for prefix in prefixes
        ]
        self.client.put_bucket_notification_configuration(
            Bucket=self.name, NotificationConfiguration={"QueueConfigurations": configurations}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalQueue:
    """A queue on the server."""

    url: str
    arn: str
    client: "SQSClient"

    def receive(self, at_most: int = 10) -> list[dict[str, Any]]:
        """Receive messages as records of a Lambda event; they stay invisible until their visibility timeout."""
        records: list[dict[str, Any]] = []
        while len(records) < at_most:
            received = self._receive(min(at_most - len(records), _MAX_RECEIVED))
            if not received:
                break
            records += received
        return records

    def _receive(self, at_most: int) -> list[dict[str, Any]]:
        found = self.client.receive_message(
            QueueUrl=self.url, MaxNumberOfMessages=at_most, AttributeNames=["All"], WaitTimeSeconds=0
        )
        return [
            {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": dict(message["Attributes"]),
                "messageAttributes": {},
                "md5OfBody": message["MD5OfBody"],
                "eventSource": "aws:sqs",
                "eventSourceARN": self.arn,
                "awsRegion": REGION,
            }
            for message in found.get("Messages", ())
        ]

    def settle(self, records: Sequence[dict[str, Any]], answer: bytes | None) -> None:
        """Delete the messages that the function's response does not report as failed; none without a response."""
        if answer is None:
            return
        failed = {each["itemIdentifier"] for each in json.loads(answer)["batchItemFailures"]}
        for record in records:
            if record["messageId"] not in failed:
                self.client.delete_message(QueueUrl=self.url, ReceiptHandle=record["receiptHandle"])

    def expire(self, records: Sequence[dict[str, Any]]) -> None:
        """Make the messages visible now, as if their visibility timeout had expired."""
        for record in records:
            self.client.change_message_visibility(
                QueueUrl=self.url, ReceiptHandle=record["receiptHandle"], VisibilityTimeout=0
            )

    @property
    def messages(self) -> int:
        """Return the number of messages, including invisible ones."""
        found = self.client.get_queue_attributes(
            QueueUrl=self.url,
            AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
        )
        return sum(int(number) for number in found["Attributes"].values())


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalSecret:
    """A secret on the server."""

    arn: str
    client: "SecretsManagerClient"
    operations: list[str]

    @property
    def text(self) -> str:
        return self.client.get_secret_value(SecretId=self.arn, VersionStage="AWSCURRENT")["SecretString"]

    def put(self, text: str) -> None:
        """Replace the secret's text."""
        self.client.put_secret_value(SecretId=self.arn, SecretString=text)

    @property
    def reads(self) -> int:
        """Return the number of GetSecretValue requests to the server."""
        return self.operations.count("GetSecretValue")


class _QuietHandler(WSGIRequestHandler):
    """Logs no requests."""

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002  # werkzeug's signature
        pass


def _changes_queue(environ: WSGIEnvironment, target: str) -> bool:
    """Return whether a request adds messages to a queue or deletes some.

    Such requests must not overlap: moto deletes a message by replacing the list of messages with a copy, so concurrent
    deletions are undone and concurrent additions are lost.
    """
    return environ["REQUEST_METHOD"] == "PUT" or target.startswith(_QUEUE_CHANGES)


@contextmanager
def local_aws() -> Iterator[LocalAws]:
    """Run the server; its data is lost when the process ends."""
    operations: list[str] = []
    moto = DomainDispatcherApplication(create_backend_app)
    changes_queue = Lock()

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        target = environ.get("HTTP_X_AMZ_TARGET", "")
        operations.append(target.rpartition(".")[2] or f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}")
        if target == OPERATION:
            return start_move_task(running.sqs(), environ, start_response)
        with changes_queue if _changes_queue(environ, target) else nullcontext():
            answer: Iterable[bytes] = moto(environ, start_response)
            return answer

    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_QuietHandler)
    running = LocalAws(url=f"http://127.0.0.1:{server.server_port}", operations=operations)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield running
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
