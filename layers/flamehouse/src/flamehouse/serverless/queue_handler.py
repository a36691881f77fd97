"""Lambda functions invoked by a queue: a batch is handled as a whole, and SQS redelivers the failed messages.

Partial failures: docs.aws.amazon.com/lambda/latest/dg, "Handling errors for an SQS event source in Lambda".
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from flamehouse.aws.queue import QueueMessage
from flamehouse.deadline import time_limit
from flamehouse.serverless.process import services, telemetry
from flamehouse.services import Services
from flamehouse.telemetry import events
from flamehouse.telemetry.log import log

_TO_ANSWER_S: Final = 3.0
"""The time reserved for the response of an invocation: without a response, SQS redelivers the whole batch."""

type Failures = Mapping[str, Exception]
"""The error of each message that failed, by the message's id."""


type Work = Callable[[Services, Sequence[QueueMessage]], Failures]
"""Handles messages; an exception fails all of them."""


def queue_handler(work: Work) -> Callable[[dict[str, Any], Any], dict[str, Any]]:
    """Return the handler of a function whose event source is a queue. Its response names the failed messages."""

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ANN401  # Lambda's own
        reporting = telemetry()
        reporting.begin(context)
        try:
            failures = _failures(work, _messages(event), context)
            return _response(event, failures, context)
        finally:
            reporting.end(context)

    return handler


def _failures(work: Work, messages: Sequence[QueueMessage], context: Any) -> Failures:  # noqa: ANN401  # Lambda's own
    try:
        with time_limit(context.get_remaining_time_in_millis() / 1_000 - _TO_ANSWER_S):
            return work(services(), messages)
    except ValueError as error:
        log(events.SETTINGS_INVALID, reason=str(error))
        return {message.id: error for message in messages}


def _messages(event: Mapping[str, Any]) -> list[QueueMessage]:
    return [
        QueueMessage(
            id=record["messageId"],
            body=record["body"],
            receives=int(record["attributes"]["ApproximateReceiveCount"]),
        )
        for record in event["Records"]
    ]


def _response(event: dict[str, Any], failures: Failures, context: Any) -> dict[str, Any]:  # noqa: ANN401  # Lambda's own
    def report(record: SQSRecord) -> None:
        if record.message_id in failures:
            raise failures[record.message_id]

    # If all messages fail, the function itself has not failed: ClickHouse may be asleep.
    processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
    return {**process_partial_response(event, report, processor, context)}
