"""The id of an ad hoc profile: a ULID, which contains the upload time, and the file name.

ULID: github.com/ulid/spec.
"""

import re
import secrets
from dataclasses import dataclass
from typing import Final, Self

from flamehouse.errors import invalid_argument

_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ULID_CHARS: Final = 26
_TIME_CHARS: Final = 10
_RANDOM_BITS: Final = 80
_MAX_NAME_CHARS: Final = 150
_DEFAULT_NAME: Final = "profile"
_ID: Final = re.compile(rf"([0-7][{_ALPHABET}]{{{_ULID_CHARS - 1}}})-([a-zA-Z0-9._-]{{1,{_MAX_NAME_CHARS}}})")
_NOT_OF_NAME: Final = re.compile(r"[^a-zA-Z0-9._-]")
_MAX_SHOWN_CHARS: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileId:
    """An id that is safe as the last part of a path or an S3 key. `uploaded_at` is in ms since the epoch."""

    text: str
    name: str
    uploaded_at: int

    @classmethod
    def new(cls, name: str, uploaded_at: int) -> Self:
        """Create an id for a file name. Invalid characters become `_`; only the end of a long name is used."""
        name = _NOT_OF_NAME.sub("_", name[-_MAX_NAME_CHARS:]) or _DEFAULT_NAME
        number = uploaded_at << _RANDOM_BITS | secrets.randbits(_RANDOM_BITS)
        ulid = "".join(_ALPHABET[number >> 5 * place & 31] for place in reversed(range(_ULID_CHARS)))
        return cls(text=f"{ulid}-{name}", name=name, uploaded_at=uploaded_at)

    @classmethod
    def read(cls, text: str) -> Self | None:
        """Parse an id; return None if it is invalid."""
        found = _ID.fullmatch(text)
        if found is None:
            return None
        uploaded_at = 0
        for char in found[1][:_TIME_CHARS]:
            uploaded_at = uploaded_at << 5 | _ALPHABET.index(char)
        return cls(text=text, name=found[2], uploaded_at=uploaded_at)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse the id in a request. Raises RpcError(INVALID_ARGUMENT) if it is invalid."""
        id_ = cls.read(text)
        if id_ is None:
            raise invalid_argument(
                f"invalid ad hoc profile id {text[:_MAX_SHOWN_CHARS]!r}: use an id that List returns"
            )
        return id_
