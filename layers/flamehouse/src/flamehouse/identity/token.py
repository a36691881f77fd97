"""Tokens: how they are created, where a request carries one, and the hash that is stored.

Basic: RFC 7617. Bearer: RFC 6750.
"""

import base64
import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

_PREFIX: Final = "fh"
_ID_BYTES: Final = 5
_SECRET_BYTES: Final = 32
_MAX_CHARS: Final = 1_024
_TOKEN: Final = re.compile(r"fh_([0-9a-f]{10})_[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewToken:
    """A token that was just created. Its text is not stored anywhere."""

    id: str
    text: str = field(repr=False)


def new_token() -> NewToken:
    """Create a random token, `fh_ID_SECRET`; its id is not secret."""
    id_ = secrets.token_hex(_ID_BYTES)
    return NewToken(id=id_, text=f"{_PREFIX}_{id_}_{secrets.token_urlsafe(_SECRET_BYTES)}")


def token_id(token: str) -> str:
    """Return the id in a token; empty if the text does not have the form of a token."""
    found = _TOKEN.fullmatch(token)
    return found[1] if found else ""


def digest(token: str) -> bytes:
    """Return a token's SHA-256. Its length is fixed, so the time of a comparison does not reveal the token's length."""
    return hashlib.sha256(token.encode(errors="surrogateescape")).digest()


def sent_token(authorization: Sequence[str]) -> str | None:
    """Return the Bearer token or Basic password of the Authorization header.

    None if it has neither, or if there is not exactly one header.
    """
    if len(authorization) != 1 or len(authorization[0]) > _MAX_CHARS:
        return None
    scheme, _, value = authorization[0].strip().partition(" ")
    match scheme.lower():
        case "bearer":
            return value.strip()
        case "basic":
            return _password(value.strip())
        case _:
            return None


def _password(user_and_password: str) -> str | None:
    try:
        text = base64.b64decode(user_and_password, validate=True).decode()
    except ValueError:
        return None
    _, colon, password = text.partition(":")
    return password if colon else None
