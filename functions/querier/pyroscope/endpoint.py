"""Parameters and responses of the query pages: GET requests of older Pyroscope clients and Drilldown's comparison."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from flamehouse.errors import invalid_argument
from flamehouse.model.at_time import parse_attime
from flamehouse.model.selector import METRIC_NAME, MatchOp, format_selector, parse_selector
from flamehouse.pb.querier_pb2 import SelectMergeStacktracesRequest
from flamehouse.services import Services
from flamehouse.units import NS_PER_MS
from flamehouse.web.authentication import principal_of
from flamehouse.web.cancellation import query_for
from flamehouse.web.compression import compress_if_wanted
from flamehouse.web.connect import Call
from flamehouse.web.response_limits import check_answer_size
from querier.pyroscope.parameters import NodesParameters

_MAX_DIGITS: Final = 18
"""Longer digit strings are not parsed as a number of nodes."""
_ALL_SERIES: Final = "{}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """A response body and its media type."""

    body: bytes
    media_type: str = "application/json"


def json_content(value: object) -> Content:
    """Returns the value as a JSON page."""
    return Content(body=json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """One selection of a query string. With two selections, `side` (left, right) prefixes its parameter names."""

    query: str
    from_: str
    until: str
    side: str = ""


async def respond(request: Request, page: Callable[[Call], Content]) -> Response:
    """Runs `page` in a worker thread and returns its response; `page` raises RpcError for client errors."""
    principal = principal_of(request.scope)
    services: Services = request.app.state.services()
    call = Call(services=services, principal=principal, headers=request.headers)

    def respond() -> Response:
        content = page(call)
        check_answer_size(len(content.body), services.settings)
        body, encoding = compress_if_wanted(content.body, request.headers)
        return Response(body, headers=encoding, media_type=content.media_type)

    return await query_for(request, services, principal.tenants, respond)


def request_of(selection: Selection, nodes: NodesParameters) -> SelectMergeStacktracesRequest:
    """Returns the selection as an RPC request; an invalid number of nodes counts as missing."""
    if not selection.query:
        name = parameter_name(selection.side, "query")
        raise invalid_argument(f"{name} is required: a selector with the profile type as its name")
    profile_type, selector = _parts_of(selection.query)
    start_ms, end_ms = range_of(selection.from_, selection.until, selection.side)
    return SelectMergeStacktracesRequest(
        profile_typeID=profile_type,
        label_selector=selector,
        start=start_ms,
        end=end_ms,
        max_nodes=_number(nodes.max_nodes) or _number(nodes.max_nodes_dashed),
    )


def range_of(from_: str, until: str, side: str = "") -> tuple[int, int]:
    """Returns both ends of a range in milliseconds, by default those of the last hour. `side` is as in `Selection`."""
    now_ns = time.time_ns()
    start = parse_attime(from_ or "now-1h", now_ns, parameter_name(side, "from"))
    end = parse_attime(until or "now", now_ns, parameter_name(side, "until"))
    return start.ns // NS_PER_MS, end.ns // NS_PER_MS


def parameter_name(side: str, name: str) -> str:
    """Returns the parameter's name: `leftQuery` or the like, or `query` for a single selection."""
    return f"{side}{name.capitalize()}" if side else name


def _parts_of(query: str) -> tuple[str, str]:
    """Returns the profile type, and the selector without it.

    The metric name precedes the braces or, like any other label, is a matcher within them.
    """
    profile_type, brace, rest = query.partition("{")
    if profile_type.strip():
        return profile_type.strip(), brace + rest or _ALL_SERIES
    matchers = parse_selector(query)
    names = [each for each in matchers if each.name == METRIC_NAME and each.op is MatchOp.EQUAL]
    if len(names) != 1:
        raise invalid_argument(
            "a query needs exactly one profile type, before its braces or as __name__ within them"
        )
    return names[0].value, format_selector(each for each in matchers if each not in names)


def _number(text: str) -> int:
    is_number = text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS
    return int(text) if is_number else 0
