"""Watches BLOBS_DIR for the local server: does the work of the worker on AWS, but polls instead of being notified."""

import time
from collections.abc import Iterator
from typing import Final

from flamehouse.aws.objects import ObjectInfo
from flamehouse.blobs import is_bucket
from flamehouse.blobs.keys import DROPS, STAGED
from flamehouse.errors import RpcError
from flamehouse.serverless.object_events import ObjectCreated
from flamehouse.services import Services
from flamehouse.settings import DIRECT
from flamehouse.step_thread import StepThread
from ingest import objects
from ingest.objects.drops import SIDECAR

_FOLDER_PAUSE_S: Final = 1.0
_BUCKET_PAUSE_S: Final = 30.0
"""Listing a bucket costs money."""
_FAILED_PAUSE_S: Final = 10.0
_SETTLED_NS: Final = 2_000_000_000
"""A file counts as complete once it is unmodified for this long; a renamed file is complete at once, but waits too."""

type _Version = tuple[int, int]
"""The size and the time of the last change, in nanoseconds."""


class Watch:
    """Stores the objects below `drops/`, and below `staged/` if uploads may be staged; each version once a process."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._place = services.settings.blobs_dir
        self._in_bucket = is_bucket(self._place)
        self._seen: dict[str, _Version] = {}
        """The files of a folder when it was last listed."""
        self._done: dict[str, _Version] = {}

    def step(self) -> float:
        """Store complete objects that are not stored yet; return the seconds to pause before the next step."""
        try:
            found = {each.key: each for each in self._found()}
        except RpcError:  # logged where it was raised
            return _FAILED_PAUSE_S
        self._done = {key: version for key, version in self._done.items() if key in found}
        ready = [each for each in found.values() if self._is_ready(each)]
        self._seen = {key: _version_of(each) for key, each in found.items()}
        sources = {
            ObjectCreated(place=self._place, key=each.key, size=each.size): _version_of(each)
            for each in ready
        }
        failures = objects.handle(self._services, [*sources])
        self._done |= {source.key: version for source, version in sources.items() if source not in failures}
        if failures:
            return _FAILED_PAUSE_S
        return _BUCKET_PAUSE_S if self._in_bucket else _FOLDER_PAUSE_S

    def _found(self) -> Iterator[ObjectInfo]:
        storage = self._services.blobs
        yield from (each for each in storage.list(DROPS) if _is_file(each.key))
        if self._services.settings.ingest_mode != DIRECT:
            yield from storage.list(STAGED)

    def _is_ready(self, each: ObjectInfo) -> bool:
        version = _version_of(each)
        if self._done.get(each.key) == version:
            return False
        if self._in_bucket or each.key.startswith(STAGED):  # such an object appears only once it is complete
            return True
        return self._seen.get(each.key) == version and time.time_ns() - each.modified_ns >= _SETTLED_NS


def open_watch(services: Services) -> StepThread | None:
    """Return the thread that watches BLOBS_DIR; None if the setting is empty."""
    if not services.settings.blobs_dir:
        return None
    return StepThread("blobs", Watch(services).step, lambda: None)


def _version_of(each: ObjectInfo) -> _Version:
    return each.size, each.modified_ns


def _is_file(key: str) -> bool:
    """Return whether the object is a file to store: not a sidecar, and not hidden like drafts of rsync and editors."""
    return not key.endswith(("/", SIDECAR)) and not any(part.startswith(".") for part in key.split("/"))
