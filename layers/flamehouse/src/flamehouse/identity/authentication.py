"""The interface that resolves a request's credential and tenant into its `Principal`, and shared parts of it."""

from typing import Final, Protocol

from starlette.requests import HTTPConnection

from flamehouse.errors import Code, RpcError
from flamehouse.identity.grant import Grant
from flamehouse.identity.principal import Principal
from flamehouse.identity.tenant import HEADER

_REFUSAL: Final = "the credential is missing or wrong: send it as the Basic password or the Bearer token"
"""One message, whether the credential is missing, wrong, expired or revoked."""


class Credentials(Protocol):
    """The credentials that a server accepts."""

    def principal_of(self, request: HTTPConnection) -> Principal:
        """Return the caller that sent this request; on AWS the request's scope has the gateway's event as `aws.event`.

        Raises:
            RpcError: `unauthenticated` without an accepted credential, `permission_denied` for a tenant that the
            credential does not allow, `invalid_argument` for an invalid tenant, `unavailable` if the credentials
            cannot be read.
        """
        ...


def unauthenticated() -> RpcError:
    """Return the error for a request without an accepted credential."""
    return RpcError(Code.UNAUTHENTICATED, _REFUSAL)


def principal_under(grant: Grant, request: HTTPConnection) -> Principal:
    """Return the caller of a request with an accepted credential. Raises RpcError as `Grant.principal` does."""
    return grant.principal(request.headers.getlist(HEADER))
