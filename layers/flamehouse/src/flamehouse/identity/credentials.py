"""Resolves the credential and tenant of a request into its `Principal`: one class for each way a server accepts them."""

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Protocol

from starlette.requests import HTTPConnection

from flamehouse.errors import Code, RpcError
from flamehouse.identity.authorizer_context import grant_of_context
from flamehouse.identity.document import CredentialDocument
from flamehouse.identity.grant import EVERYTHING, Grant
from flamehouse.identity.principal import ANY_TENANT, Principal, Scope
from flamehouse.identity.tenant import HEADER
from flamehouse.identity.token import digest, sent_token
from flamehouse.telemetry import events
from flamehouse.telemetry.log import log

_SHARED: Final = Grant(tenants=frozenset({ANY_TENANT}), scopes=frozenset(Scope), credential_id="shared")
_REFUSAL: Final = "the credential is missing or wrong: send it as Basic password or as Bearer token"
"""One message, whether the credential is missing, wrong, expired or revoked."""


class Credentials(Protocol):
    """The credentials that a server accepts."""

    def principal_of(self, request: HTTPConnection) -> Principal:
        """Return the caller that sent this request; on AWS its scope has the gateway's event as `aws.event`.

        Raises:
            RpcError: `unauthenticated` without an accepted credential, `permission_denied` for a tenant it does not
            allow, `invalid_argument` for an invalid tenant, `unavailable` if the credentials cannot be read.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class NoCredential:
    """Accepts every request, for the tenant in its header."""

    def principal_of(self, request: HTTPConnection) -> Principal:
        return _principal(EVERYTHING, request)


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedCredential:
    """Accepts one credential, for the tenant in the request's header."""

    credential: str = field(repr=False)

    def principal_of(self, request: HTTPConnection) -> Principal:
        sent = _sent(request)
        if sent is None or not hmac.compare_digest(digest(sent), digest(self.credential)):
            raise RpcError(Code.UNAUTHENTICATED, _REFUSAL)
        return _principal(_SHARED, request)


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentCredentials:
    """Accepts the credentials of a document; `document` returns the current one or raises RpcError."""

    document: Callable[[], CredentialDocument]

    def principal_of(self, request: HTTPConnection) -> Principal:
        grant = self.document().grant_of(_sent(request) or "", datetime.now(UTC))
        if grant is None:
            raise RpcError(Code.UNAUTHENTICATED, _REFUSAL)
        return _principal(grant, request)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizedByGateway:
    """Accepts the requests that the Lambda authorizer accepted: its context is in the gateway's event, `aws.event`.

    A request without that context bypassed the authorizer and is rejected.
    """

    def principal_of(self, request: HTTPConnection) -> Principal:
        match request.scope.get("aws.event"):
            case {"requestContext": {"authorizer": {"lambda": context}}}:
                grant = grant_of_context(context)
            case _:
                grant = None
        if grant is None:
            log(events.NOT_AUTHORIZED)
            raise RpcError(Code.UNAUTHENTICATED, _REFUSAL)
        return _principal(grant, request)


def _sent(request: HTTPConnection) -> str | None:
    return sent_token(request.headers.getlist("Authorization"))


def _principal(grant: Grant, request: HTTPConnection) -> Principal:
    return grant.principal(request.headers.getlist(HEADER))
