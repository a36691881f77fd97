"""What a credential allows, and the resulting principal of a request."""

from collections.abc import Sequence
from dataclasses import dataclass

from flamehouse.errors import Code, RpcError, invalid_argument
from flamehouse.identity.principal import ANY_TENANT, Principal, Scope
from flamehouse.identity.tenant import ANONYMOUS, HEADER, Tenants, named_tenants


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """The tenants and scopes of one credential; the tenants are names, or only `*` for all."""

    tenants: frozenset[str]
    scopes: frozenset[Scope]
    credential_id: str

    def principal(self, headers: Sequence[str]) -> Principal:
        """Return the caller, with the tenants that its X-Scope-OrgID header selects.

        Without a header, a credential for one tenant selects that tenant, and one for all tenants selects
        `anonymous`.

        Raises:
            RpcError: `permission_denied` for a tenant that the credential does not allow, `invalid_argument` for an
            invalid tenant, or without a header if the credential is for several tenants.
        """
        named = named_tenants(headers)
        return Principal(
            tenants=self._tenants(named),
            scopes=self.scopes,
            credential_id=self.credential_id,
            all_tenants=ANY_TENANT in self.tenants and not named,
        )

    def _tenants(self, named: Tenants) -> Tenants:
        if ANY_TENANT in self.tenants:
            return named or (ANONYMOUS,)
        for name in named:
            if name not in self.tenants:
                raise RpcError(
                    Code.PERMISSION_DENIED, f"this credential is not for the tenant {name!r} of {HEADER}"
                )
        if not named and len(self.tenants) > 1:
            raise invalid_argument(
                f"this credential is for several tenants: name one in {HEADER}, or several (a|b) in a query"
            )
        return named or tuple(self.tenants)


EVERYTHING = Grant(tenants=frozenset({ANY_TENANT}), scopes=frozenset(Scope), credential_id="")
"""What a server without credentials allows all clients."""
