"""The caller of a request, resolved once and passed to everything that handles it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from flamehouse.errors import Code, RpcError, invalid_argument
from flamehouse.identity.tenant import HEADER, Tenants

ANY_TENANT: Final = "*"
"""In place of a tenant's name: the credential is for all tenants."""


class Scope(StrEnum):
    """A kind of request that a credential may allow."""

    INGEST = "ingest"
    QUERY = "query"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """A caller: the tenants whose data its requests read, and the scopes of its credential.

    `credential_id` identifies the credential in logs and is not secret; empty if the server requires no credential.
    """

    tenants: Tenants
    scopes: frozenset[Scope]
    credential_id: str
    all_tenants: bool = False
    """Whether the credential is for all tenants and the request names none."""

    @property
    def tenant(self) -> str:
        """The single tenant, for requests that write or read data of one tenant only.

        Raises:
            RpcError: `invalid_argument` if the request names several.
        """
        if len(self.tenants) > 1:
            raise invalid_argument(f"name one tenant in {HEADER} here: only queries may have several (a|b)")
        return self.tenants[0]

    def require(self, scope: Scope) -> None:
        """Check that the credential allows requests of this kind.

        Raises:
            RpcError: `permission_denied` if it does not.
        """
        if scope not in self.scopes:
            raise RpcError(
                Code.PERMISSION_DENIED,
                f"this credential lacks the scope {scope}: send one that has it",
            )
