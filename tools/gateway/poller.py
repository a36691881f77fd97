"""Lambda's poller of a queue: passes messages to a function, and deletes those that it does not report as failed."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any, Final

from botocore.exceptions import ClientError

from tools.aws import LocalQueue
from tools.gateway.lambda_service import FunctionError, LambdaService

_PAUSE_S: Final = 1.0
_BATCH: Final = 100
"""The template's BatchSize."""


@contextmanager
def polling(queue: LocalQueue, functions: LambdaService, function: str) -> Iterator[None]:
    """Poll in a thread. Failed messages are redelivered after the queue's visibility timeout."""
    ended = Event()

    def poll() -> None:
        while not ended.wait(0 if _handled(queue, functions, function) else _PAUSE_S):
            continue

    thread = Thread(target=poll, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _handled(queue: LocalQueue, functions: LambdaService, function: str) -> bool:
    """Poll once; return whether there were messages. As in Lambda, failed requests to the queue are not raised."""
    try:
        records = queue.receive(_BATCH)
        if records:
            queue.settle(records, _answer(records, functions, function))
    except ClientError:
        return False
    return bool(records)


def _answer(records: Sequence[Any], functions: LambdaService, function: str) -> bytes | None:
    try:
        return functions.invoke(function, json.dumps({"Records": records}).encode())
    except FunctionError:
        return None
