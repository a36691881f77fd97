"""Logging of events, and the limit on repeated lines."""

import logging
from collections.abc import Callable, Mapping
from threading import Lock
from time import monotonic
from typing import Final

from flamehouse.telemetry.events import ACCESS_LOGGER, Event
from flamehouse.telemetry.request import current

_PERIOD_S: Final = 60
_LINES: Final = 5
_MAX_KEYS: Final = 1_000


def log(event: Event, **fields: str | float) -> None:
    """Log an event, with the request's id and tenant. Raises TypeError for fields other than the event's."""
    _log(event, fields, traceback=False)


def log_exception(event: Event, **fields: str | float) -> None:
    """Like `log`, with the traceback of the current exception."""
    _log(event, fields, traceback=True)


def _log(event: Event, fields: Mapping[str, str | float], *, traceback: bool) -> None:
    if fields.keys() != set(event.fields):
        raise TypeError(f"{event.name} has the fields {event.fields}, not {tuple(fields)}")
    facts = current()
    context = {"request_id": facts.request_id, "tenant": facts.tenant}
    shown = {name: _encodable(value) for name, value in {**fields, **context}.items() if value != ""}
    text = _encodable(event.text.format(**fields))
    logging.getLogger(event.logger).log(
        event.level, text, exc_info=traceback, extra={"event": event.name, **shown}
    )


def _encodable[T: str | float](value: T) -> T | str:
    """Return the value with lone surrogates escaped, which UTF-8 cannot encode."""
    return value.encode(errors="backslashreplace").decode() if isinstance(value, str) else value


def access_log(*, enabled: bool) -> None:
    """Log every request, or only rejected requests."""
    logging.getLogger(ACCESS_LOGGER).setLevel(logging.INFO if enabled else logging.WARNING)


def silence_libraries() -> None:
    """Drop the lines below WARNING that libraries log in a function, as on the local server.

    Lambda applies LogLevel to every logger: botocore's lines contain the token of the function's role, and Mangum
    writes a line for each request.
    """
    root = logging.getLogger()
    root.setLevel(max(root.level, logging.WARNING))


class LimitRepeats(logging.Filter):
    """Passes five lines per minute of the same event, tenant, reason and service.

    The next line after that minute reports the number of suppressed lines (`suppressed`). Lines from libraries have
    no event and count as the same if their format strings are the same. Lines below WARNING, such as the access
    log's, all pass.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._seen: dict[tuple[object, ...], tuple[float, int]] = {}
        self._lock = Lock()

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.WARNING:
            return True
        key = _key(record)
        now = self._clock()
        with self._lock:
            if len(self._seen) > _MAX_KEYS:
                self._seen.clear()
            began, count = self._seen.get(key, (now, 0))
            if now - began >= _PERIOD_S:
                if count > _LINES:
                    record.suppressed = count - _LINES
                began, count = now, 0
            self._seen[key] = (began, count + 1)
            return count < _LINES


def _key(record: logging.LogRecord) -> tuple[object, ...]:
    event = getattr(record, "event", None)
    if event is None:
        return (record.name, record.msg)
    return (event, *(getattr(record, name, None) for name in ("tenant", "reason", "service_name")))
