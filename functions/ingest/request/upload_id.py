"""The id of an upload: the same for every retry of it, whatever the client or a proxy packed differently.

What the id leaves out cannot tell two uploads apart: form boundaries, parts that nobody reads, compression, the order of
headers and parameters. Equal requests are one upload.
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
    """The 32 bytes of SHA-256 over everything given, each piece with its length, so that no two inputs run together.

    `parameters` are in canonical form, `parts` unpacked and by name; `received_s` is the second of receipt of an
    upload that carries no time of its own, None for any other. Bytes of a parameter that are not UTF-8 are escaped
    (`surrogateescape`).
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
