"""Ingests the objects that a worker is notified of, with a handler for each prefix of keys.

A handler receives the objects of its prefix and returns the error of each object to retry; all others are stored or
quarantined. It may be killed at any point, and then receives the same objects again. The worker handles the messages
about objects; `flamehouse.blobs` defines the keys.
"""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Final, cast

from flamehouse.blobs.keys import DROPS, STAGED
from flamehouse.errors import RpcError
from flamehouse.serverless.object_events import ObjectCreated
from flamehouse.services import Services
from flamehouse.telemetry import events
from flamehouse.telemetry.log import log
from ingest.published_quotas import publish

type Failures = Mapping[ObjectCreated, RpcError]
"""The error of each object to retry."""

type Handle = Callable[[Services, Sequence[ObjectCreated]], Failures]
"""A handler of objects. An RpcError that it raises applies to all of them."""

_HANDLERS: Final[Mapping[str, str]] = {
    STAGED: "ingest.objects.staged",
    DROPS: "ingest.objects.drops",
}
"""The module for each prefix, imported for the prefix's first object; its function is `handle`."""


def handle(services: Services, objects: Sequence[ObjectCreated]) -> Failures:
    """Ingest each object with the handler of its prefix."""
    failures: dict[ObjectCreated, RpcError] = {}
    for module, own in _by_handler(objects).items():
        handler = cast(Handle, import_module(module).handle)
        try:
            failures |= handler(services, own)
        except RpcError as error:
            failures |= dict.fromkeys(own, error.alone())
    if len(failures) < len(objects):
        publish(services)
    return failures


def _by_handler(objects: Sequence[ObjectCreated]) -> Mapping[str, Sequence[ObjectCreated]]:
    """Group the objects by handler, without duplicates."""
    found: dict[str, list[ObjectCreated]] = {}
    for each in dict.fromkeys(objects):
        module = _HANDLERS.get(each.key.partition("/")[0] + "/")
        if module is None:
            log(events.OBJECT_IGNORED, place=each.place, key=each.key)
        else:
            found.setdefault(module, []).append(each)
    return found
