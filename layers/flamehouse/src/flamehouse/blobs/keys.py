"""The layout of keys: the key of each kind of blob, and the meaning of its parts.

    staged/TENANT/DATE/HOUR/ID        an acknowledged upload that ClickHouse does not have yet; ID is 64 hex digits
    kept/TENANT/DATE/HOUR/ID          an acknowledged upload that is retained for a replay
    drops/TENANT/[SERVICE/]NAME       a file that a client puts there for ingestion
    quarantine/KEY                    an object that cannot be stored; KEY is its former key
    quarantine/KEY.reason.json        the reason
    quotas.json                       the limits of tenants and what they have sent today, as the worker last read them

DATE (`2026-11-29`) and HOUR (`07`) are the UTC time of the upload's first profile, which is part of the id's hash: all
attempts of an upload have the same key. The characters of a tenant are safe in keys (identity/tenant.py).
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final, Self

from flamehouse.units import MS_PER_S, NS_PER_S

STAGED: Final = "staged/"
KEPT: Final = "kept/"
DROPS: Final = "drops/"
QUARANTINE: Final = "quarantine/"
REASON: Final = ".reason.json"
QUOTAS: Final = "quotas.json"

_MAX_KEY_BYTES: Final = 1_024
"""The limit of S3."""
_HASH_CHARS: Final = 32
_UPLOAD: Final = re.compile(r"([^/]+)/(\d{4}-\d\d-\d\d)/(\d\d)/([0-9a-f]{64})")


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadKey:
    """The parts of the key of an upload's envelope; `hour` is `DATE/HOUR`."""

    tenant: str
    hour: str
    upload_id: bytes

    @classmethod
    def of(cls, tenant: str, upload_id: bytes, first_ns: int) -> Self:
        """Return the key of an upload whose first profile begins at `first_ns` since the epoch."""
        return cls(tenant=tenant, hour=hour_of(first_ns), upload_id=upload_id)

    @classmethod
    def parse(cls, key: str) -> Self | None:
        """Read a key below `staged/` or `kept/`; None for any other."""
        for prefix in (STAGED, KEPT):
            found = _UPLOAD.fullmatch(key.removeprefix(prefix)) if key.startswith(prefix) else None
            if found:
                tenant, date, hour, id_ = found.groups()
                return cls(tenant=tenant, hour=f"{date}/{hour}", upload_id=bytes.fromhex(id_))
        return None

    @property
    def staged(self) -> str:
        """The key while ClickHouse does not have the upload."""
        return f"{STAGED}{self._rest}"

    @property
    def kept(self) -> str:
        """The key of the retained blob."""
        return f"{KEPT}{self._rest}"

    @property
    def hour_ms(self) -> int:
        """The start of the hour, in milliseconds since the epoch.

        Raises ValueError for a date or hour that does not exist.
        """
        start = datetime.strptime(self.hour, "%Y-%m-%d/%H").replace(tzinfo=UTC)
        return int(start.timestamp()) * MS_PER_S

    @property
    def _rest(self) -> str:
        return f"{self.tenant}/{self.hour}/{self.upload_id.hex()}"


def hour_of(time_ns: int) -> str:
    """Return `DATE/HOUR`, in UTC, of a time since the epoch. The results sort as the times do."""
    return datetime.fromtimestamp(time_ns // NS_PER_S, UTC).strftime("%Y-%m-%d/%H")


def quarantine_key(key: str) -> str:
    """Return the quarantine key for an object that cannot be stored; the key of its reason adds `REASON`.

    If the prefixed key is too long, a hash replaces its end.
    """
    moved = f"{QUARANTINE}{key}"
    encoded = moved.encode()
    most = _MAX_KEY_BYTES - len(REASON)
    if len(encoded) <= most:
        return moved
    end = sha256(encoded).hexdigest()[:_HASH_CHARS]
    return f"{encoded[: most - _HASH_CHARS - 1].decode(errors='ignore')}~{end}"
