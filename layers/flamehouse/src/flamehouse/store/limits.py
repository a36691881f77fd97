"""Stores the limits of tenants in the table `tenant_settings`.

The rows have a tenant that no request can name, so no request can read or write them as a tenant's settings.
"""

import time
from typing import Final

from flamehouse.model.limits import Limits
from flamehouse.model.setting import Setting
from flamehouse.store.read.reader import Reader
from flamehouse.store.tenant_settings import set_setting, settings_of
from flamehouse.telemetry import events
from flamehouse.telemetry.log import log
from flamehouse.units import NS_PER_MS

_OWNER: Final = "limits/"
"""The prefix of a row's `tenant` column; names of tenants contain no slash."""
_NAME: Final = "limits"

_EVERY: Final = """
SELECT tenant, argMax((value, deleted), version) AS latest
FROM tenant_settings
WHERE startsWith(tenant, {owner:String}) AND name = {name:String}
GROUP BY tenant
ORDER BY tenant
"""


def every_limits(reader: Reader) -> dict[str, Limits]:
    """Return the stored limits by tenant; those of `DEFAULTS` are the defaults.

    Invalid limits are logged and omitted.
    """
    found = {}
    for tenant, (value, deleted) in reader.rows(_EVERY, {"owner": _OWNER, "name": _NAME}):
        if deleted:
            continue
        try:
            found[str(tenant).removeprefix(_OWNER)] = Limits.parse(value)
        except (ValueError, TypeError) as error:
            log(events.LIMITS_INVALID, reason=str(error), limited=str(tenant).removeprefix(_OWNER))
    return found


def stored_limits(reader: Reader, tenant: str) -> Limits:
    """Return the stored limits of a tenant, without the defaults. Raises ValueError if they are invalid."""
    for setting in settings_of(reader, _OWNER + tenant):
        if setting.name == _NAME:
            return Limits.parse(setting.value)
    return Limits()


def store_limits(reader: Reader, tenant: str, limits: Limits) -> None:
    """Replace the limits of a tenant."""
    modified_at = time.time_ns() // NS_PER_MS
    set_setting(
        reader, _OWNER + tenant, Setting(name=_NAME, value=limits.serialize(), modified_at=modified_at)
    )
