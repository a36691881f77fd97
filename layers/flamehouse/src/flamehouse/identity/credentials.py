"""Turns what a request carries into its `Principal`.

Basic: RFC 7617. Bearer: RFC 6750.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from starlette.requests import HTTPConnection

from flamehouse.errors import Code, RpcError
from flamehouse.identity.principal import Principal, Scope
from flamehouse.identity.tenant import tenant_of
from flamehouse.telemetry import events
from flamehouse.telemetry.log import log

_EVERY_SCOPE: Final = frozenset(Scope)
_SHARED: Final = "shared"
_REFUSAL: Final = "the credential is missing or wrong: send it as Basic password or as Bearer token"
"""The same whether a credential is missing or wrong."""


class Credentials(Protocol):
    """The credentials that a server accepts."""

    def principal_of(self, request: HTTPConnection) -> Principal:
        """The caller that sent this request; on AWS its scope has the gateway's event as `aws.event`.

        Raises:
            RpcError: `unauthenticated` without an accepted credential, `invalid_argument` for an invalid tenant.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class NoCredential:
    """Accepts every request, for the tenant that it names."""

    def principal_of(self, request: HTTPConnection) -> Principal:
        return Principal(tenant=tenant_of(request.headers), scopes=_EVERY_SCOPE, credential_id="")


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedCredential:
    """Accepts one credential, for the tenant that the request names. An empty one accepts no request."""

    credential: str = field(repr=False)

    def principal_of(self, request: HTTPConnection) -> Principal:
        if not self._accepts(_sent_credential(request.headers.getlist("Authorization"))):
            raise RpcError(Code.UNAUTHENTICATED, _REFUSAL)
        return Principal(tenant=tenant_of(request.headers), scopes=_EVERY_SCOPE, credential_id=_SHARED)

    def _accepts(self, sent: str | None) -> bool:
        if not self.credential:
            log(events.CREDENTIAL_NOT_SET)
            return False
        return sent is not None and hmac.compare_digest(_digest(sent), _digest(self.credential))


def _sent_credential(authorization: Sequence[str]) -> str | None:
    """The token or password of the one Authorization header; None without one, and for several."""
    if len(authorization) != 1:
        return None
    scheme, _, value = authorization[0].strip().partition(" ")
    match scheme.lower():
        case "bearer":
            return value.strip()
        case "basic":
            return _password(value.strip())
        case _:
            return None


def _password(user_and_password: str) -> str | None:
    try:
        text = base64.b64decode(user_and_password, validate=True).decode()
    except ValueError:
        return None
    _, colon, password = text.partition(":")
    return password if colon else None


def _digest(credential: str) -> bytes:
    """A digest of fixed length, so that the time of a comparison reveals no length."""
    return hashlib.sha256(credential.encode(errors="surrogateescape")).digest()
