"""Asking a running server for a merged flame graph, as Grafana's data source does: SelectMergeStacktraces.

A call is the POST of a protobuf message: connectrpc.com/docs/protocol, "Unary-Request".
"""

import json
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from flamehouse.pb.querier_pb2 import (
    FlameGraph,
    SelectMergeStacktracesRequest,
    SelectMergeStacktracesResponse,
)

_TIMEOUT_S = 30
_PATH = "/querier.v1.QuerierService/SelectMergeStacktraces"


class ServerError(Exception):
    """The server is not there or refuses; the message is a line for whoever started the program."""


def check_ready(url: str) -> None:
    """ServerError if no server answers at `url`."""
    _answer(url, "/ready")


def merged_flamegraph(
    url: str, *, profile_type: str, selector: str, start_ms: int, end_ms: int, credential: str = ""
) -> FlameGraph:
    """The flame graph of the profiles from `start_ms` up to `end_ms`; ServerError if the server gives none."""
    question = SelectMergeStacktracesRequest(
        profile_typeID=profile_type, label_selector=selector, start=start_ms, end=end_ms
    )
    answer = _answer(url, _PATH, question.SerializeToString(), credential)
    return SelectMergeStacktracesResponse.FromString(answer).flamegraph


def _answer(url: str, path: str, body: bytes | None = None, credential: str = "") -> bytes:
    """The body that a GET of the path answers, or a POST of `body`."""
    headers = {"Content-Type": "application/proto"}
    if credential:
        headers["Authorization"] = f"Bearer {credential}"
    try:
        request = Request(url + path, body, headers)
        with urlopen(request, timeout=_TIMEOUT_S) as response:
            content: bytes = response.read()
            return content
    except HTTPError as error:
        raise ServerError(f"{url}{path} answers {error.code}: {_message(error)}") from error
    except OSError as error:
        reason = getattr(error, "reason", error)
        raise ServerError(f"no server answers at {url} ({reason}); start one with: make run") from error
    except ValueError as error:
        raise ServerError(f"{url} is no URL of a server: {error}") from error


def _message(error: HTTPError) -> str:
    """What an error's body says; its status in words where the body is not of this server."""
    try:
        return str(json.loads(error.read())["message"])
    except (ValueError, KeyError, TypeError):
        return error.reason
