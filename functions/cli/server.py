"""A client for servers with Pyroscope's API: Connect with JSON, which flamehouse and Grafana Pyroscope both speak.

Connect: connectrpc.com/docs/protocol, section "Unary-Request".
"""

import json
from collections.abc import Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import httpx
from google.protobuf import json_format
from google.protobuf.message import Message

from flamehouse.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Iterator

_QUERIER: Final = "/querier.v1.QuerierService/"
_BUILD: Final = "/api/v1/status/buildinfo"
_TIMEOUT: Final = httpx.Timeout(90, connect=5)
_DENIED: Final = frozenset({401, 403})
_UNKNOWN: Final = frozenset({404, 405, 415})
"""Statuses of a server that does not know the path: the URL is of another kind of server, or has an extra path."""


class ServerError(OperatorError):
    """The server does not respond, or rejects the request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A running server, used as one tenant with one credential. Empty fields are omitted from requests.

    With a `user`, the credential is a Basic password; otherwise it is a Bearer token.
    """

    url: str
    credential: str = field(default="", repr=False)
    user: str = ""
    tenant: str = ""

    def check_ready(self) -> None:
        """Raises ServerError unless the server responds and accepts the credential."""
        self._send("GET", "/ready")
        self._send("GET", _BUILD)

    def build_version(self) -> str:
        """Return the version of the server. Raises ServerError if the request fails or the response is invalid."""
        received = self._send("GET", _BUILD)
        try:
            return str(received.json()["data"]["version"])
        except (ValueError, KeyError, TypeError) as error:
            raise ServerError(f"{self.url} does not speak Pyroscope's API: check the URL") from error

    def query[Resp: Message](self, rpc: str, request: Message, response: Resp) -> Resp:
        """Fill `response` from an RPC of the querier.

        Raises: ServerError if the request fails or the response is invalid.
        """
        body = json_format.MessageToJson(request, indent=None).encode()
        received = self._send("POST", _QUERIER + rpc, body, {"Content-Type": "application/json"})
        try:
            return json_format.Parse(received.content, response, ignore_unknown_fields=True)
        except json_format.ParseError as error:
            raise ServerError(f"{self.url} does not speak Pyroscope's API: check the URL") from error

    def upload(self, query: Mapping[str, str], content: Iterable[bytes], size: int) -> None:
        """Send a profile of `size` bytes to /ingest. Raises ServerError if it is rejected."""
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
        self._send("POST", "/ingest", content, headers, query)

    def _send(
        self,
        method: str,
        path: str,
        content: bytes | Iterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        with _in_words(self.url):
            response = httpx.request(
                method,
                self.url.rstrip("/") + path,
                content=content,
                params=query,
                headers={**self._headers(), **(headers or {})},
                auth=(self.user, self.credential) if self.user else None,
                timeout=_TIMEOUT,
            )
        if response.is_success:
            return response
        raise ServerError(f"{self.url}{path} returned {_reason(response)}")

    def _headers(self) -> dict[str, str]:
        headers = {}
        if self.credential and not self.user:
            headers["Authorization"] = f"Bearer {self.credential}"
        if self.tenant:
            headers["X-Scope-OrgID"] = self.tenant
        return headers


@contextmanager
def _in_words(url: str) -> "Iterator[None]":
    """Convert failures of a request to ServerError."""
    try:
        yield
    except httpx.TimeoutException as error:
        raise ServerError(f"{url} did not respond in time; try a shorter range") from error
    except UnicodeEncodeError as error:
        raise ServerError(
            "--credential, --user and --tenant must be ASCII: headers carry nothing else"
        ) from error
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError) as error:
        raise ServerError(f"invalid URL {url!r}: use http://HOST:PORT or https://HOST") from error
    except httpx.ConnectError as error:
        raise ServerError(
            f"no server responds at {url} ({error}); start one with: flamehouse serve (or make run), or set --url"
        ) from error
    except httpx.HTTPError as error:
        raise ServerError(f"the connection to {url} failed: {error or type(error).__name__}") from error


def _reason(response: httpx.Response) -> str:
    """Return the status, the server's message and advice."""
    message = ""
    try:
        message = str(json.loads(response.content)["message"])
    except (ValueError, KeyError, TypeError):
        if response.status_code in _UNKNOWN or response.is_redirect:
            return f"{response.status_code}: the server does not speak Pyroscope's API: check the URL"
    advice = "; check --credential (API_CREDENTIAL)" if response.status_code in _DENIED else ""
    return f"{response.status_code}: {message or response.reason_phrase}{advice}"
