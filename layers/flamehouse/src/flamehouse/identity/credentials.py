"""The ways in which the local server checks credentials, one class each."""

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from starlette.requests import HTTPConnection

from flamehouse.identity.authentication import principal_under, unauthenticated
from flamehouse.identity.document import CredentialDocument
from flamehouse.identity.grant import EVERYTHING, Grant
from flamehouse.identity.principal import ANY_TENANT, Principal, Scope
from flamehouse.identity.token import digest, sent_token

_SHARED: Final = Grant(tenants=frozenset({ANY_TENANT}), scopes=frozenset(Scope), credential_id="shared")


@dataclass(frozen=True, slots=True, kw_only=True)
class NoCredential:
    """Accepts every request, for the tenant in its header."""

    def principal_of(self, request: HTTPConnection) -> Principal:
        return principal_under(EVERYTHING, request)


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedCredential:
    """Accepts one credential, for the tenant in the request's header."""

    credential: str = field(repr=False)

    def principal_of(self, request: HTTPConnection) -> Principal:
        sent = _sent(request)
        if sent is None or not hmac.compare_digest(digest(sent), digest(self.credential)):
            raise unauthenticated()
        return principal_under(_SHARED, request)


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentCredentials:
    """Accepts the credentials in a document; `document` returns the current document or raises RpcError."""

    document: Callable[[], CredentialDocument]

    def principal_of(self, request: HTTPConnection) -> Principal:
        grant = self.document().grant_of(_sent(request) or "", datetime.now(UTC))
        if grant is None:
            raise unauthenticated()
        return principal_under(grant, request)


def _sent(request: HTTPConnection) -> str | None:
    return sent_token(request.headers.getlist("Authorization"))
