"""SQS's StartMessageMoveTask, which moto lacks: moves the messages of a dead-letter queue back to its source.

API: docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html
"""

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final
from wsgiref.types import StartResponse, WSGIEnvironment

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

OPERATION: Final = "AmazonSQS.StartMessageMoveTask"
_MAX_RECEIVED: Final = 10


def start_move_task(
    client: "SQSClient", environ: WSGIEnvironment, start_response: StartResponse
) -> Iterable[bytes]:
    """Move all messages, then respond; on AWS, the task continues after the response."""
    request = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
    _move(client, request["SourceArn"])
    start_response("200 OK", [("Content-Type", "application/x-amz-json-1.0")])
    return [json.dumps({"TaskHandle": "loopback"}).encode()]


def _move(client: "SQSClient", source_arn: str) -> None:
    """Move all messages. Each becomes a new message of its queue, with a new id and a receive count of zero."""
    dead = client.get_queue_url(QueueName=source_arn.rpartition(":")[2])["QueueUrl"]
    [source] = client.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"]
    while messages := client.receive_message(QueueUrl=dead, MaxNumberOfMessages=_MAX_RECEIVED).get(
        "Messages"
    ):
        for message in messages:
            client.send_message(QueueUrl=source, MessageBody=message["Body"])
            client.delete_message(QueueUrl=dead, ReceiptHandle=message["ReceiptHandle"])
