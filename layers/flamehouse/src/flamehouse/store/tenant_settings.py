"""Settings that Grafana's apps store for a tenant, in the table `tenant_settings`: each row is a change.

A write reads the last change, checks the new one and inserts it. The table's version column selects one of concurrent
changes, the same for all readers.
"""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from struct import Struct
from typing import Final
from uuid import uuid4

from flamehouse.errors import Code, RpcError, invalid_argument
from flamehouse.model.setting import Setting
from flamehouse.store.connection.client import READ_LATEST, ClickHouse
from flamehouse.store.read.reader import Reader
from flamehouse.varint import length_prefixed

_MAX_NAME_BYTES: Final = 256
_MAX_VALUE_BYTES: Final = 1 << 16
_MAX_TOTAL_BYTES: Final = 1 << 20
"""The limit for all values of a tenant together, so that they fit into a response."""
_MAX_NAMES: Final = 1_000
"""The limit for a tenant, including deleted settings, since the rows that mark these as deleted remain."""
_MAX_LIFE: Final = (1 << 32) - 1

_COLUMNS: Final = ("tenant", "name", "value", "life", "modified_at", "written", "deleted")
_NUMBERS: Final = Struct("<IqQ?").pack

_LATEST = """
SELECT name, argMax((value, life, modified_at, written, deleted), version) AS latest
FROM tenant_settings
WHERE tenant = {tenant:String}
GROUP BY name
ORDER BY name
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    """A row: the new state of a setting. `life` counts its deletions; `written` is in nanoseconds since the epoch."""

    setting: Setting
    life: int
    written: int
    deleted: bool


def settings_of(reader: Reader, tenant: str) -> list[Setting]:
    """The settings of the tenant, sorted by name."""
    return [change.setting for change in _latest(reader, tenant) if not change.deleted]


def set_setting(reader: Reader, tenant: str, setting: Setting) -> None:
    """Store the setting; it replaces an older one of the same name.

    Raises RpcError(ALREADY_EXISTS) if the stored setting is newer, INVALID_ARGUMENT for an invalid name or
    value, and RESOURCE_EXHAUSTED above the tenant's limits.
    """
    _check_size("name", setting.name, _MAX_NAME_BYTES)
    _check_size("value", setting.value, _MAX_VALUE_BYTES)
    if not setting.name:
        raise invalid_argument("the setting has no name")
    changes = _latest(reader, tenant)
    before = _of_name(changes, setting.name)
    if before is None:
        _check_room([change for change in changes if not change.deleted], setting, len(changes) + 1)
        _write(
            reader.clickhouse, tenant, _Change(setting=setting, life=0, written=time.time_ns(), deleted=False)
        )
        return
    if not before.deleted and setting.modified_at < before.setting.modified_at:
        raise RpcError(
            Code.ALREADY_EXISTS,
            f"the setting {setting.name!r} was modified at {before.setting.modified_at},"
            f" after {setting.modified_at}",
        )
    others = [change for change in changes if change is not before and not change.deleted]
    _check_room(others, setting, len(changes))
    _write(reader.clickhouse, tenant, _after(before, setting, deleted=False))


def delete_setting(reader: Reader, tenant: str, name: str) -> None:
    """Delete the setting; does nothing if it does not exist."""
    before = _of_name(_latest(reader, tenant), name)
    if before is None or before.deleted:
        return
    if before.life == _MAX_LIFE:
        raise RpcError(Code.RESOURCE_EXHAUSTED, f"the setting {name!r} was deleted too many times")
    nothing = Setting(name=name, value="", modified_at=0)
    _write(reader.clickhouse, tenant, _after(before, nothing, deleted=True))


def _after(before: _Change, setting: Setting, *, deleted: bool) -> _Change:
    """The change that follows `before`, even if the clock was set back."""
    written = max(time.time_ns(), before.written + 1)
    return _Change(setting=setting, life=before.life + deleted, written=written, deleted=deleted)


def _latest(reader: Reader, tenant: str) -> list[_Change]:
    """The last change of each of the tenant's settings."""
    rows = reader.with_settings(READ_LATEST).rows(_LATEST, {"tenant": tenant})
    return [
        _Change(
            setting=Setting(name=name, value=value, modified_at=modified_at),
            life=life,
            written=written,
            deleted=deleted,
        )
        for name, (value, life, modified_at, written, deleted) in rows
    ]


def _of_name(changes: Iterable[_Change], name: str) -> _Change | None:
    return next((change for change in changes if change.setting.name == name), None)


def _write(clickhouse: ClickHouse, tenant: str, change: _Change) -> None:
    setting = change.setting
    row = b"".join(
        (
            length_prefixed(tenant),
            length_prefixed(setting.name),
            length_prefixed(setting.value),
            _NUMBERS(change.life, setting.modified_at, change.written, change.deleted),
        )
    )
    # The token covers retries of this insert: the row is stored once however often the request is sent.
    clickhouse.insert("tenant_settings", _COLUMNS, row, {"insert_deduplication_token": uuid4().hex})


def _check_size(part: str, text: str, limit: int) -> None:
    if len(text.encode()) > limit:
        raise invalid_argument(f"the setting's {part} is longer than {limit} bytes")


def _check_room(others: Sequence[_Change], setting: Setting, names: int) -> None:
    total = len(setting.value.encode()) + sum(len(other.setting.value.encode()) for other in others)
    if names > _MAX_NAMES or total > _MAX_TOTAL_BYTES:
        raise RpcError(
            Code.RESOURCE_EXHAUSTED,
            f"a tenant may have {_MAX_NAMES} settings, including deleted ones, with {_MAX_TOTAL_BYTES} bytes in total",
        )
