"""The drain: wakes ClickHouse at the times of DrainSchedule and passes all messages of the queue to the worker."""

import time
from collections.abc import Sequence
from typing import Final

from flamehouse.aws.queue import Queue, QueueMessage
from flamehouse.deadline import has_time, time_limit
from flamehouse.errors import PASSING, Code, RpcError
from flamehouse.serverless.queue_handler import Failures
from flamehouse.serverless.schedule_handler import schedule_handler
from flamehouse.services import Services
from flamehouse.store import Store
from flamehouse.telemetry import events
from flamehouse.telemetry.log import log
from ingest.worker import work

_BATCH: Final = 100
_BATCH_S: Final = 60.0
"""The time limit of one batch, the same as the worker's: a sixth of the queue's visibility timeout."""
_LEAST_S: Final = 15.0
"""With less time left than this, no further batch is received."""
_PAUSE_S: Final = 10.0
"""The pause between two attempts to wake ClickHouse."""


def drain(services: Services) -> None:
    """Work until the queue is empty. An empty queue does not wake ClickHouse.

    Messages are received only once ClickHouse responds, so that waking it does not use up deliveries.

    Raises:
        RpcError: if ClickHouse does not wake or fails later, or if the time is up before the queue is empty.
    """
    queue = Queue(services.settings.blobs_queue_url, services.settings)
    if not queue.waiting():
        log(events.QUEUE_DRAINED, handled=0, failed=0)
        return
    _wake(services.store)
    handled = failed = 0
    try:
        while messages := _received(queue):
            with time_limit(_BATCH_S):
                failures = work(services, messages)
            queue.delete([each for each in messages if each.id not in failures])
            handled += len(messages) - len(failures)
            failed += len(failures)
            _check(messages, failures)
    finally:
        log(events.QUEUE_DRAINED, handled=handled, failed=failed)


def _wake(store: Store) -> None:
    """Wait until ClickHouse responds. Raises the last RpcError when the time is up."""
    while True:
        try:
            store.check()
        except RpcError as error:
            if error.code not in PASSING or not has_time(_PAUSE_S + _LEAST_S):
                raise
        else:
            return
        time.sleep(_PAUSE_S)


def _received(queue: Queue) -> Sequence[QueueMessage]:
    if not has_time(_LEAST_S):
        raise RpcError(Code.DEADLINE_EXCEEDED, "timed out before the queue was empty")
    return queue.receive(_BATCH)


def _check(messages: Sequence[QueueMessage], failures: Failures) -> None:
    """Raise the error if ClickHouse or the bucket failed a whole batch: more messages would only waste deliveries."""
    errors = [error for error in failures.values() if isinstance(error, RpcError) and error.code in PASSING]
    if len(errors) == len(messages):
        raise errors[0].alone()


handler = schedule_handler(drain)
