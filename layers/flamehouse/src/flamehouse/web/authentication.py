"""Who may come in: one credential, sent as HTTP's Basic password or as a Bearer token.

Basic: RFC 7617. Bearer: RFC 6750.
"""

import base64
import hashlib
import hmac
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from flamehouse.errors import Code, RpcError
from flamehouse.web.error_response import error_response

_log = logging.getLogger(__name__)

_OPEN_PATHS: Final = {"/ready"}
_CHALLENGE: Final = 'Basic realm="flamehouse"'
_REFUSAL: Final = "the credential is missing or wrong: send it as Basic password or as Bearer token"
"""The same whether a credential is missing or wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequireCredential:
    """ASGI middleware: `app` sees the requests that carry `credential`, others are answered `unauthenticated`.

    An empty credential lets nobody in. Paths have to be clean (`flamehouse.web.routing`): /ready is open to everyone.
    """

    app: ASGIApp
    credential: str = field(repr=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or scope["path"] in _OPEN_PATHS or self._admits(Headers(scope=scope)):
            await self.app(scope, receive, send)
            return
        response = error_response(RpcError(Code.UNAUTHENTICATED, _REFUSAL))
        response.headers["WWW-Authenticate"] = _CHALLENGE
        await response(scope, receive, send)

    def _admits(self, headers: Headers) -> bool:
        if not self.credential:
            _log.error("API_CREDENTIAL is not set: nobody is let in")
            return False
        sent = _sent_credential(headers.getlist("Authorization"))
        return sent is not None and hmac.compare_digest(_digest(sent), _digest(self.credential))


def _sent_credential(authorization: Sequence[str]) -> str | None:
    """The token or the password of the one Authorization header; None if there is none, or several."""
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
    """Of one length for all credentials, so that comparing tells nothing about theirs."""
    return hashlib.sha256(credential.encode(errors="surrogateescape")).digest()
