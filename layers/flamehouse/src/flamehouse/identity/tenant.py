"""The tenant of a request: the X-Scope-OrgID header, as Grafana's databases read it.

Allowed characters: grafana.com/docs/mimir/latest/configure/about-tenant-ids
"""

import re
from typing import Final

from starlette.datastructures import Headers

from flamehouse.errors import invalid_argument

ANONYMOUS: Final = "anonymous"

_HEADER: Final = "X-Scope-OrgID"
_MAX_CHARS: Final = 150
_ALLOWED: Final = re.compile(r"[A-Za-z0-9!\-_.*'()]+")


def tenant_of(headers: Headers) -> str:
    """The tenant that the headers name; `anonymous` without one.

    Raises RpcError(INVALID_ARGUMENT) for several headers (a proxy may append its own behind the client's), for several
    tenants (`a|b`), and for an invalid name.
    """
    named = headers.getlist(_HEADER)
    if len(named) > 1:
        raise invalid_argument(f"send one {_HEADER} header, not {len(named)}")
    tenant = named[0] if named else ""
    if not tenant:
        return ANONYMOUS
    if "|" in tenant:
        raise invalid_argument(f"{_HEADER} must name one tenant, several (a|b) are not supported")
    if len(tenant) > _MAX_CHARS:
        raise invalid_argument(f"{_HEADER} is longer than {_MAX_CHARS} characters")
    if not _ALLOWED.fullmatch(tenant) or tenant in {".", ".."}:
        raise invalid_argument(f"{_HEADER} {tenant!r} is no tenant: letters, digits and !-_.*'() are allowed")
    return tenant
