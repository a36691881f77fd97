"""Facts about the current request, collected where they become known and reported at its end."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

_QUOTED: Final = re.compile(r"'[^']*(?:'|$)|\"[^\"]*(?:\"|$)|\{.*\}|\{.*$|`[^`]*(?:`|$)", re.DOTALL)
_MAX_QUOTED_CHARS: Final = 8_192
_MAX_DETAIL_CHARS: Final = 300


@dataclass(slots=True, kw_only=True)
class RequestFacts:
    """The facts of one request; its worker threads share the object."""

    request_id: str = ""
    route: str = ""
    tenant: str = ""
    service_name: str = ""
    reason: str = ""
    """The code of its error, such as `invalid_argument`."""
    detail: str = ""
    """The error's message without its quoted parts."""


_current: ContextVar[RequestFacts | None] = ContextVar("request_facts", default=None)


def current() -> RequestFacts:
    """Return the facts of the current request; outside of a request, an object that is not used further."""
    return _current.get() or RequestFacts()


@contextmanager
def request(facts: RequestFacts) -> Iterator[RequestFacts]:
    """Make `facts` those of the current request within the block."""
    token = _current.set(facts)
    try:
        yield facts
    finally:
        _current.reset(token)


def note_service(name: str) -> None:
    """Record the service of an upload; only the first counts."""
    facts = current()
    facts.service_name = facts.service_name or name


def note_error(reason: str, message: str) -> None:
    """Record the error of the request: its code, and its message without the parts quoted from the request."""
    facts = current()
    facts.reason = reason
    facts.detail = _QUOTED.sub("…", message[:_MAX_QUOTED_CHARS])[:_MAX_DETAIL_CHARS]
