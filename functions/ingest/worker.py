"""The worker: ingests the objects that a queue's messages name, which are staged uploads and dropped files."""

import json
from collections.abc import Iterator, Sequence
from typing import Final

from flamehouse.aws.queue import QueueMessage
from flamehouse.deadline import has_time
from flamehouse.errors import Code, RpcError
from flamehouse.serverless.object_events import ObjectCreated, UnknownMessageError, objects_of
from flamehouse.serverless.queue_handler import Failures, queue_handler
from flamehouse.services import Services
from flamehouse.telemetry import events
from flamehouse.telemetry.log import log
from ingest import objects

_SUSPECT_RECEIVES: Final = 3
"""From this delivery on, a message may name an object that kills the process, by its memory or time."""
_LEAST_S: Final = 5.0
"""With less time left than this, objects are left to the next invocation."""


def work(services: Services, messages: Sequence[QueueMessage]) -> Failures:
    """Ingest the objects of the messages; return the error of each message to redeliver."""
    failures: dict[str, Exception] = {}
    found: dict[str, list[ObjectCreated]] = {}
    for message in messages:
        try:
            found[message.id] = objects_of(_json(message.body))
        except UnknownMessageError as error:
            log(events.MESSAGE_INVALID, reason=str(error))
            failures[message.id] = error
    for batch in _batches(messages, found):
        failures |= _store(services, batch)
    return failures


def _json(body: str) -> object:
    try:
        return json.loads(body)
    except ValueError as error:
        raise UnknownMessageError("not JSON") from error


def _batches(
    messages: Sequence[QueueMessage], found: dict[str, list[ObjectCreated]]
) -> Iterator[dict[str, list[ObjectCreated]]]:
    """Yield all messages as one batch, or one by one, smallest objects first, if earlier attempts may have been killed.

    An object that kills the process then does so only after the others are stored.
    """
    if all(message.receives < _SUSPECT_RECEIVES for message in messages):
        yield found
        return
    for id_ in sorted(found, key=lambda id_: sum(each.size for each in found[id_])):
        yield {id_: found[id_]}


def _store(services: Services, batch: dict[str, list[ObjectCreated]]) -> Failures:
    if not has_time(_LEAST_S):
        return dict.fromkeys(batch, RpcError(Code.DEADLINE_EXCEEDED, "no time left in this invocation"))
    errors = objects.handle(services, [each for objects_ in batch.values() for each in objects_])
    return {id_: errors[each] for id_, objects_ in batch.items() for each in objects_ if each in errors}


handler = queue_handler(work)
