"""A grant as the context of API Gateway's Lambda authorizer: written by the authorizer, read by the functions.

Format: docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html, "simple responses".
"""

from typing import Any, Final

from flamehouse.identity.grant import Grant
from flamehouse.identity.principal import Scope

_TENANTS: Final = "tenants"
_SCOPES: Final = "scopes"
_CREDENTIAL_ID: Final = "credential_id"


def context_of(grant: Grant) -> dict[str, Any]:
    """Return the context that `grant_of_context` reads."""
    return {
        _TENANTS: sorted(grant.tenants),
        _SCOPES: sorted(grant.scopes),
        _CREDENTIAL_ID: grant.credential_id,
    }


def grant_of_context(context: object) -> Grant | None:
    """Return the grant, or None if the context is missing or was not written by `context_of`."""
    match context:
        case {"tenants": [str(), *_] as tenants, "scopes": [str(), *_] as scopes, "credential_id": str(id_)}:
            try:
                known = frozenset(map(Scope, scopes))
            except ValueError:
                return None
            return Grant(tenants=frozenset(map(str, tenants)), scopes=known, credential_id=id_)
        case _:
            return None
