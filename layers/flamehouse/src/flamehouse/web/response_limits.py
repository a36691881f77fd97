"""Limits the size of responses: a larger one becomes an error with advice."""

from collections.abc import Iterable

from flamehouse import memory
from flamehouse.deadline import check_time
from flamehouse.errors import Code, RpcError
from flamehouse.settings import Settings

_ADVICE = "request fewer nodes, a shorter range or fewer series"


def within_budget(pieces: Iterable[bytes], settings: Settings) -> bytes:
    """Join the pieces of a response; stops at the piece that exceeds the limit.

    Raises RpcError(RESOURCE_EXHAUSTED) above MAX_ANSWER_BYTES, or if this process has no memory for the response, and
    RpcError(DEADLINE_EXCEEDED) after the deadline.
    """
    joined: list[bytes] = []
    size = 0
    for piece in pieces:
        check_time()
        size += len(piece)
        check_answer_size(size, settings)
        memory.take(len(piece))
        joined.append(piece)
    return b"".join(joined)


def check_answer_size(size: int, settings: Settings) -> None:
    """Raises RpcError(RESOURCE_EXHAUSTED) if the uncompressed response is larger than the settings allow."""
    limit = settings.max_answer_bytes
    if limit and size > limit:
        raise answer_too_large(f"the allowed {limit} bytes (max_answer_bytes)")


def answer_too_large(limit: str, *advice: str) -> RpcError:
    """Return the error for a response larger than `limit` (a phrase); `advice` comes before the general advice."""
    return RpcError(
        Code.RESOURCE_EXHAUSTED, f"the response is larger than {limit}; {', '.join((*advice, _ADVICE))}"
    )
