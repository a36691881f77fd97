"""Questions asked by GET, as older clients of Pyroscope and Drilldown's comparison ask them: their routes and parameters."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from flamehouse.errors import invalid_argument
from flamehouse.model.at_time import parse_attime
from flamehouse.model.selector import METRIC_NAME, MatchOp, format_selector, parse_selector
from flamehouse.pb.querier_pb2 import SelectMergeStacktracesRequest
from flamehouse.services import Services
from flamehouse.web.authentication import principal_of
from flamehouse.web.cancellation import work_for
from flamehouse.web.compression import compress_if_wanted
from flamehouse.web.connect import Call
from flamehouse.web.http_endpoint import HttpEndpoint
from flamehouse.web.response_limits import check_answer_size

_MS_NS: Final = 1_000_000
_MAX_NODES_NAMES: Final = ("maxNodes", "max-nodes")
_MAX_DIGITS: Final = 18
"""A number of more is no number of nodes."""
_ALL_SERIES: Final = "{}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What is answered, and what it is."""

    body: bytes
    media_type: str = "application/json"


def json_content(value: object) -> Content:
    """The value as JSON."""
    return Content(body=json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


type Method = Callable[[Call, QueryParams], Content]
"""Answers a question; runs in a worker thread, and raises RpcError for what the client is to be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What the parameters of one selection are called."""

    query: str
    from_: str
    until: str


def http_query(path: str, method: Method) -> Route:
    """The route of one question."""

    async def respond(request: Request) -> Response:
        principal = principal_of(request.scope)
        services: Services = await run_in_threadpool(request.app.state.services)
        call = Call(services=services, principal=principal, headers=request.headers)

        def answer() -> Response:
            content = method(call, request.query_params)
            check_answer_size(len(content.body), services.settings)
            body, encoding = compress_if_wanted(content.body, request.headers)
            return Response(body, headers=encoding, media_type=content.media_type)

        return await work_for(request, services.store, answer)

    return Route(path, HttpEndpoint(method="GET", respond=respond))


def selection_of(parameters: QueryParams, names: Names) -> SelectMergeStacktracesRequest:
    """The selection that the parameters name, as the RPC would ask for it.

    The query is a selector with the profile type as its metric name. Times that are left out or empty are the last
    hour's. A number of nodes that is none counts as not given.
    """
    query = parameters.get(names.query, "")
    if not query:
        raise invalid_argument(f"{names.query} is required: a selector with the profile type as its name")
    profile_type, selector = _parts_of(query)
    start_ms, end_ms = range_of(parameters, names)
    return SelectMergeStacktracesRequest(
        profile_typeID=profile_type,
        label_selector=selector,
        start=start_ms,
        end=end_ms,
        max_nodes=_max_nodes(parameters),
    )


def range_of(parameters: QueryParams, names: Names) -> tuple[int, int]:
    """Both ends of the range that the parameters name, in milliseconds; an end left out or empty is the last hour's."""
    now_ns = time.time_ns()
    start = parse_attime(parameters.get(names.from_) or "now-1h", now_ns, names.from_)
    end = parse_attime(parameters.get(names.until) or "now", now_ns, names.until)
    return start.ns // _MS_NS, end.ns // _MS_NS


def _parts_of(query: str) -> tuple[str, str]:
    """The profile type, and the selector of the rest.

    A metric name stands before the braces or, like any other label, within them.
    """
    profile_type, brace, rest = query.partition("{")
    if profile_type.strip():
        return profile_type.strip(), brace + rest or _ALL_SERIES
    matchers = parse_selector(query)
    names = [each for each in matchers if each.name == METRIC_NAME and each.op is MatchOp.EQUAL]
    if len(names) != 1:
        raise invalid_argument("a query names one profile type, before its braces or as __name__ within them")
    return names[0].value, format_selector(each for each in matchers if each not in names)


def _max_nodes(parameters: QueryParams) -> int:
    """The number under the first name that has one other than 0."""
    numbers = (_number(parameters.get(name, "")) for name in _MAX_NODES_NAMES)
    return next(filter(None, numbers), 0)


def _number(text: str) -> int:
    is_number = text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS
    return int(text) if is_number else 0
