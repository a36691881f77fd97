"""Asking a running server for a merged flame graph, as Grafana's data source does: SelectMergeStacktraces.

A call is the POST of a protobuf message: connectrpc.com/docs/protocol, "Unary-Request".
"""

import json
from dataclasses import dataclass, field
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from flamehouse.pb.querier_pb2 import (
    FlameGraph,
    SelectMergeStacktracesRequest,
    SelectMergeStacktracesResponse,
)

_TIMEOUT_S = 30
_BUILD = "/api/v1/status/buildinfo"
_UNAUTHORIZED = 401
_PATH = "/querier.v1.QuerierService/SelectMergeStacktraces"


class ServerError(Exception):
    """The server is not there or refuses; the message is a line for whoever started the program."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A running server, as one tenant with a credential sees it; both are left out of requests where they are empty."""

    url: str
    credential: str = field(default="", repr=False)
    tenant: str = ""

    def check_ready(self) -> None:
        """ServerError if no server answers at `url`, or it does not take the credential."""
        self._answer("/ready")
        self._answer(_BUILD)

    def merged_flamegraph(
        self, *, profile_type: str, selector: str, start_ms: int, end_ms: int
    ) -> FlameGraph:
        """The flame graph of the profiles from `start_ms` up to `end_ms`; ServerError if the server gives none."""
        question = SelectMergeStacktracesRequest(
            profile_typeID=profile_type, label_selector=selector, start=start_ms, end=end_ms
        )
        answer = self._answer(_PATH, question.SerializeToString())
        return SelectMergeStacktracesResponse.FromString(answer).flamegraph

    def _answer(self, path: str, body: bytes | None = None) -> bytes:
        """The body that a GET of the path answers, or a POST of `body`."""
        url = self.url + path
        try:
            with urlopen(Request(url, body, self._headers()), timeout=_TIMEOUT_S) as response:
                content: bytes = response.read()
                return content
        except HTTPError as error:
            advice = "; API_CREDENTIAL is what is sent" if error.code == _UNAUTHORIZED else ""
            raise ServerError(f"{url} answers {error.code}: {_message(error)}{advice}") from error
        except OSError as error:
            reason = getattr(error, "reason", error)
            raise ServerError(
                f"no server answers at {self.url} ({reason}); start one with: make run"
            ) from error
        except ValueError as error:
            raise ServerError(f"{self.url} is no URL of a server: {error}") from error

    def _headers(self) -> dict[str, str]:
        headers = {"Content-Type": "application/proto"}
        if self.credential:
            headers["Authorization"] = f"Bearer {self.credential}"
        if self.tenant:
            headers["X-Scope-OrgID"] = self.tenant
        return headers


def _message(error: HTTPError) -> str:
    """What an error's body says; its status in words where the body is not of this server."""
    try:
        return str(json.loads(error.read())["message"])
    except (ValueError, KeyError, TypeError):
        return error.reason
