"""The tag of a question: its queries carry it, so that they can be found and stopped when nobody waits any more."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from uuid import uuid4

_tag: ContextVar[str] = ContextVar("tag", default="")


@contextmanager
def tagged() -> Iterator[str]:
    """A tag of its own for what is asked within it, in this thread or in those it hands its context to."""
    token = _tag.set(uuid4().hex)
    try:
        yield _tag.get()
    finally:
        _tag.reset(token)


def current_tag() -> str:
    """The tag that holds here; empty where none does."""
    return _tag.get()
