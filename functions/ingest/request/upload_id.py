"""Computes the id of an upload: the same for every retry, even if a client or proxy encodes it differently.

The id does not depend on form boundaries, unused parts, compression, or the order of headers and parameters. Equal
requests are one upload.
"""

from collections.abc import Iterable
from hashlib import sha256


def upload_id(
    *,
    tenant: str,
    endpoint: str,
    parameters: Iterable[tuple[str, str]],
    parts: Iterable[tuple[str, bytes]],
    received_s: int | None,
) -> bytes:
    """Return the SHA-256 over all arguments, each with its length, so that no two inputs are hashed as the same bytes.

    `parameters` are in canonical form; `parts` are names and decompressed contents. `received_s` is the second of
    receipt for an upload without its own time, and None for any other. Bytes of a parameter that are not UTF-8 are
    escaped (`surrogateescape`).
    """
    received = "" if received_s is None else str(received_s)
    pairs = [(name, value.encode(errors="surrogateescape")) for name, value in parameters]
    hash_ = sha256()
    for piece in (tenant, endpoint, received, str(len(pairs))):
        hash_.update(_with_length(piece.encode()))
    for name, content in (*pairs, *parts):
        hash_.update(_with_length(name.encode()))
        hash_.update(len(content).to_bytes(8))
        hash_.update(content)
    return hash_.digest()


def _with_length(data: bytes) -> bytes:
    return len(data).to_bytes(8) + data
