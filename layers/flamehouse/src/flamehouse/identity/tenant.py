"""The tenants of a request: the X-Scope-OrgID header, as Grafana's databases read it.

Allowed characters: grafana.com/docs/mimir/latest/configure/about-tenant-ids
"""

import re
from collections.abc import Sequence
from typing import Final

from flamehouse.errors import invalid_argument

ANONYMOUS: Final = "anonymous"
CHARACTERS: Final = "letters, digits and !-_.*'()"
"""The characters that a tenant's name may contain, for messages."""
HEADER: Final = "X-Scope-OrgID"

_MAX_CHARS: Final = 150
_MAX_TENANTS: Final = 100
_SEPARATOR: Final = "|"
_ALLOWED: Final = re.compile(r"[A-Za-z0-9!\-_.*'()]+")


type Tenants = tuple[str, ...]
"""The tenants of one query: distinct names, sorted."""


def named_tenants(headers: Sequence[str]) -> Tenants:
    """Return the tenants in the X-Scope-OrgID header (`a`, `a|b`), sorted and distinct; empty without a header.

    Raises RpcError(INVALID_ARGUMENT) for several headers (a proxy may append its own to the client's), for an invalid
    name, and for more than 100 tenants.
    """
    if len(headers) > 1:
        raise invalid_argument(f"send one {HEADER} header, not {len(headers)}")
    if not headers or not headers[0]:
        return ()
    names = tuple(sorted(set(headers[0].split(_SEPARATOR))))
    if len(names) > _MAX_TENANTS:
        raise invalid_argument(f"{HEADER} has {len(names)} tenants: send at most {_MAX_TENANTS}")
    for name in names:
        _check(name)
    return names


def written(tenants: Tenants) -> str:
    """Return the header's value for the tenants, such as `a|b`."""
    return _SEPARATOR.join(tenants)


def split(tenants: str) -> Tenants:
    """Return the tenants in the output of `written`; one empty name for an empty text."""
    return tuple(tenants.split(_SEPARATOR))


def _check(name: str) -> None:
    if len(name) > _MAX_CHARS:
        raise invalid_argument(f"a tenant in {HEADER} is longer than {_MAX_CHARS} characters")
    if not is_tenant(name):
        raise invalid_argument(f"invalid tenant {name!r} in {HEADER}: use {CHARACTERS}")


def is_tenant(name: str) -> bool:
    """Return whether the name is valid for a tenant."""
    return len(name) <= _MAX_CHARS and bool(_ALLOWED.fullmatch(name)) and name not in {".", ".."}
