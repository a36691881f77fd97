"""An SQS queue, through boto3, for a function that receives its messages itself."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from itertools import batched
from typing import TYPE_CHECKING, Final

from flamehouse.aws.boto import UNREACHABLE, Clients, failures
from flamehouse.errors import Code, RpcError
from flamehouse.settings import Settings
from flamehouse.telemetry import events
from flamehouse.telemetry.log import log

if TYPE_CHECKING:
    from botocore.config import Config
    from mypy_boto3_sqs import SQSClient

_PER_REQUEST: Final = 10
"""The maximum number of messages per request to SQS."""
_WAIT_S: Final = 1
"""With a wait time, a request queries all of SQS's servers, otherwise only some of them."""
_UNAVAILABLE: Final = "the queue is unavailable; retry in 30 seconds"
_REJECTED: Final = (
    "the role needs sqs:ReceiveMessage, sqs:DeleteMessage and sqs:GetQueueAttributes; check BLOBS_QUEUE_URL"
)
_CONNECTION: Final = "check AWS_ENDPOINT_URL_SQS, AWS_REGION, the credentials and the network"


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueMessage:
    """A message. `receives` counts its deliveries, including this one; `receipt` identifies this delivery."""

    id: str
    body: str
    receives: int = 1
    receipt: str = ""


class Queue:
    """The queue at a URL. Every method raises RpcError(UNAVAILABLE) if SQS fails or does not respond."""

    def __init__(self, url: str, settings: Settings) -> None:
        self._url = url
        self._region = settings.aws_region or None
        self._endpoint = settings.aws_endpoint_url_sqs or None
        self._clients = Clients(self._new_client)

    def waiting(self) -> int:
        """Return the approximate number of messages that can be received now."""
        name: Final = "ApproximateNumberOfMessages"
        with self._failures("GetQueueAttributes"):
            found = self._clients.client().get_queue_attributes(QueueUrl=self._url, AttributeNames=[name])
        return int(found["Attributes"][name])

    def receive(self, at_most: int) -> list[QueueMessage]:
        """Receive up to `at_most` messages, which other receivers do not see until the queue's visibility timeout."""
        messages: list[QueueMessage] = []
        while len(messages) < at_most:
            found = self._receive(min(_PER_REQUEST, at_most - len(messages)))
            if not found:
                break
            messages += found
        return messages

    def delete(self, messages: Sequence[QueueMessage]) -> None:
        """Delete messages; a message that cannot be deleted is redelivered, which is harmless."""
        for batch in batched(messages, _PER_REQUEST, strict=False):
            with self._failures("DeleteMessageBatch"):
                self._clients.client().delete_message_batch(
                    QueueUrl=self._url,
                    Entries=[
                        {"Id": str(index), "ReceiptHandle": message.receipt}
                        for index, message in enumerate(batch)
                    ],
                )

    def _receive(self, at_most: int) -> list[QueueMessage]:
        with self._failures("ReceiveMessage"):
            found = self._clients.client().receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=at_most,
                MessageSystemAttributeNames=["ApproximateReceiveCount"],
                WaitTimeSeconds=_WAIT_S,
            )
        return [
            QueueMessage(
                id=each["MessageId"],
                body=each["Body"],
                receives=int(each["Attributes"]["ApproximateReceiveCount"]),
                receipt=each["ReceiptHandle"],
            )
            for each in found.get("Messages", ())
        ]

    def _new_client(self, config: "Config") -> "SQSClient":
        import boto3  # noqa: PLC0415  # 150 ms, paid by the first request that needs it

        session = boto3.Session(region_name=self._region)
        return session.client("sqs", endpoint_url=self._endpoint, config=config)

    def _failures(self, operation: str) -> AbstractContextManager[None]:
        """Convert failures of SQS to RpcError(UNAVAILABLE) and one log line."""
        return failures(partial(self._log, operation), RpcError(Code.UNAVAILABLE, _UNAVAILABLE), {})

    def _log(self, operation: str, kind: str, code: str) -> None:
        advice = _CONNECTION if kind == UNREACHABLE else _REJECTED
        log(events.QUEUE_FAILED, kind=kind, operation=operation, reason=code, advice=advice)
