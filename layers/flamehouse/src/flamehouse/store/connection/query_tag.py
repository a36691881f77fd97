"""Tags the SQL queries of a request, so that they can be found and killed when the client abandons it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from uuid import uuid4

_tag: ContextVar[str] = ContextVar("tag", default="")


@contextmanager
def tagged() -> Iterator[str]:
    """Set a new tag for queries in this block, run by this thread or by threads that share its context."""
    token = _tag.set(uuid4().hex)
    try:
        yield _tag.get()
    finally:
        _tag.reset(token)


@contextmanager
def untagged() -> Iterator[None]:
    """Run the queries of this block to their end, even if the client abandons the request."""
    token = _tag.set("")
    try:
        yield
    finally:
        _tag.reset(token)


def current_tag() -> str:
    """Return the tag in effect; empty outside of `tagged`."""
    return _tag.get()
