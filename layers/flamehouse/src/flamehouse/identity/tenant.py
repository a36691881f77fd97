"""The tenant of a request: the X-Scope-OrgID header, as Grafana's databases read it.

Allowed characters: grafana.com/docs/mimir/latest/configure/about-tenant-ids
"""

import re
from collections.abc import Sequence
from typing import Final

from flamehouse.errors import invalid_argument

ANONYMOUS: Final = "anonymous"
HEADER: Final = "X-Scope-OrgID"

_MAX_CHARS: Final = 150
_ALLOWED: Final = re.compile(r"[A-Za-z0-9!\-_.*'()]+")


def named_tenant(headers: Sequence[str]) -> str:
    """Return the tenant in the X-Scope-OrgID headers; empty without one.

    Raises RpcError(INVALID_ARGUMENT) for several headers (a proxy may append its own to the client's), for several
    tenants (`a|b`), and for an invalid name.
    """
    if len(headers) > 1:
        raise invalid_argument(f"send one {HEADER} header, not {len(headers)}")
    tenant = headers[0] if headers else ""
    if not tenant:
        return ""
    if "|" in tenant:
        raise invalid_argument(f"{HEADER} must name one tenant: several (a|b) are not supported")
    if len(tenant) > _MAX_CHARS:
        raise invalid_argument(f"{HEADER} is longer than {_MAX_CHARS} characters")
    if not is_tenant(tenant):
        raise invalid_argument(f"invalid tenant {tenant!r} in {HEADER}: use letters, digits and !-_.*'()")
    return tenant


def is_tenant(name: str) -> bool:
    """Return whether the name is valid for a tenant."""
    return len(name) <= _MAX_CHARS and bool(_ALLOWED.fullmatch(name)) and name not in {".", ".."}
