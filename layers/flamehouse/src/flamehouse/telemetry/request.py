"""Facts about the request under way, collected where they become known and reported when it ends."""

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
    """The request of this context; worker threads of the request share the object."""

    request_id: str = ""
    route: str = ""
    tenant: str = ""
    service_name: str = ""
    reason: str = ""
    """The code of its error, such as `invalid_argument`."""
    detail: str = ""
    """The error's message without what it quotes."""


_current: ContextVar[RequestFacts | None] = ContextVar("request_facts", default=None)


def current() -> RequestFacts:
    """The facts of the request under way; a throw-away object outside of one."""
    return _current.get() or RequestFacts()


@contextmanager
def request(facts: RequestFacts) -> Iterator[RequestFacts]:
    """Make `facts` those of the request under way."""
    token = _current.set(facts)
    try:
        yield facts
    finally:
        _current.reset(token)


def note_service(name: str) -> None:
    """Note the service of an upload; the first of several counts."""
    facts = current()
    facts.service_name = facts.service_name or name


def note_error(reason: str, message: str) -> None:
    """Note the error of the request: its code, and its message without what it quotes from the request."""
    facts = current()
    facts.reason = reason
    facts.detail = _QUOTED.sub("…", message[:_MAX_QUOTED_CHARS])[:_MAX_DETAIL_CHARS]
