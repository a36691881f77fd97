"""Acknowledges uploads, depending on INGEST_MODE, once they are stored or once they are staged for the worker."""

from collections.abc import Callable, Mapping
from typing import Final

from flamehouse.deadline import time_left, time_limit
from flamehouse.errors import PASSING, RpcError
from flamehouse.model.profile import Upload
from flamehouse.services import Services
from flamehouse.settings import DIRECT, FALLBACK, STAGED
from flamehouse.telemetry import metrics
from ingest.keep import keep, key_of
from ingest.received import ReceivedUpload

_INSERT_S: Final = 4.0
"""How long an upload waits for ClickHouse if it can be staged instead; SDKs give up after ten seconds."""
_STAGING_S: Final = 2.0
"""The part of the client's timeout that is reserved for staging."""
_LEAST_S: Final = 0.25
"""With less time left than this, no INSERT is started."""


def acknowledge(services: Services, upload: Upload, received: ReceivedUpload) -> None:
    """Return once the upload is durable. Raises RpcError if it cannot be stored now, or can never be stored."""
    _WAYS[services.settings.ingest_mode](services, upload, received)


def _store(services: Services, upload: Upload, received: ReceivedUpload) -> None:
    keep(services, upload, received.serialize)
    services.store.insert(upload, received)


def _stage(services: Services, upload: Upload, received: ReceivedUpload) -> None:
    """Put the envelope of the upload into the storage; all attempts of an upload write the same object."""
    services.blobs.put(key_of(upload).staged, received.serialize())
    metrics.add(metrics.UPLOADS_STAGED)


def _store_or_stage(services: Services, upload: Upload, received: ReceivedUpload) -> None:
    """Store the upload, or stage it if ClickHouse does not respond in time.

    A timed-out INSERT may still succeed. That is harmless, because the worker uses the same deduplication token.
    """
    seconds = time_left(_INSERT_S + _STAGING_S) - _STAGING_S
    tries = seconds >= _LEAST_S and services.circuit.allows()
    if tries and _is_stored_within(seconds, services, upload, received):
        return
    try:
        _stage(services, upload, received)
    except RpcError:
        if tries:
            raise
        # The circuit is open, but ClickHouse may have recovered.
        _store(services, upload, received)


def _is_stored_within(seconds: float, services: Services, upload: Upload, received: ReceivedUpload) -> bool:
    try:
        with time_limit(seconds):
            _store(services, upload, received)
    except RpcError as error:
        if error.code not in PASSING:
            services.circuit.succeeded()
            raise
        services.circuit.failed()
        return False
    services.circuit.succeeded()
    return True


_WAYS: Final[Mapping[str, Callable[[Services, Upload, ReceivedUpload], None]]] = {
    DIRECT: _store,
    FALLBACK: _store_or_stage,
    STAGED: _stage,
}
