"""The tenant of a request: the X-Scope-OrgID header, as Grafana's databases read it.

Allowed characters: grafana.com/docs/mimir/latest/configure/about-tenant-ids
"""

import re
from collections.abc import Mapping
from typing import Final

from flamehouse.errors import invalid_argument

ANONYMOUS: Final = "anonymous"

_HEADER: Final = "X-Scope-OrgID"
_MAX_CHARS: Final = 150
_ALLOWED: Final = re.compile(r"[A-Za-z0-9!\-_.*'()]+")


def tenant_of(headers: Mapping[str, str]) -> str:
    """The tenant that `headers` (whose names compare without case) asks for; `anonymous` if it names none.

    RpcError invalid_argument for several tenants (`a|b`) and for a name that is not one.
    """
    tenant = headers.get(_HEADER, "")
    if not tenant:
        return ANONYMOUS
    if "|" in tenant:
        raise invalid_argument(f"{_HEADER} must name one tenant, several (a|b) are not supported")
    if len(tenant) > _MAX_CHARS:
        raise invalid_argument(f"{_HEADER} is longer than {_MAX_CHARS} characters")
    if not _ALLOWED.fullmatch(tenant) or tenant in {".", ".."}:
        raise invalid_argument(f"{_HEADER} {tenant!r} is no tenant: letters, digits and !-_.*'() are allowed")
    return tenant
