"""Limits the size of responses: a larger one becomes an error with advice."""

from collections.abc import Iterable

from flamehouse import memory
from flamehouse.errors import Code, RpcError
from flamehouse.settings import Settings

_ADVICE = "request fewer nodes, a shorter range or fewer series"


def within_budget(pieces: Iterable[bytes], settings: Settings) -> bytes:
    """The answer that the pieces make; no piece is made beyond the one that makes it too large.

    Raises RpcError(RESOURCE_EXHAUSTED) for an answer beyond MAX_ANSWER_BYTES, or that this process has no memory for.
    """
    kept: list[bytes] = []
    size = 0
    for piece in pieces:
        size += len(piece)
        check_answer_size(size, settings)
        memory.take(len(piece))
        kept.append(piece)
    return b"".join(kept)


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
