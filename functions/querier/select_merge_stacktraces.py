"""SelectMergeStacktraces: the samples of the selected profiles merged into one flame graph."""

from typing import Final

from flamehouse.aws import lambda_handler
from flamehouse.connect import Call
from flamehouse.errors import invalid_argument
from flamehouse.flamegraph import CutTree, flamegraph_of
from flamehouse.pb.querier_pb2 import (
    PROFILE_FORMAT_FLAMEGRAPH,
    PROFILE_FORMAT_UNSPECIFIED,
    SelectMergeStacktracesRequest,
    SelectMergeStacktracesResponse,
)
from flamehouse.profile_type import ProfileType
from flamehouse.selector import parse_selector
from flamehouse.settings import Settings
from flamehouse.store.model import StacktraceQuery
from querier.query_range import query_range
from querier.rpc import querier_rpc
from querier.unsupported import refuse_fields, unsupported

_FLAMEGRAPH_FORMATS: Final = (PROFILE_FORMAT_UNSPECIFIED, PROFILE_FORMAT_FLAMEGRAPH)
_UNSUPPORTED_FIELDS: Final = (
    "stack_trace_selector",
    "profile_id_selector",
    "span_selector",
    "trace_id_selector",
    "async",
)
_EMPTY: Final = CutTree(ids=(), parents=(), names=(), totals=(), selves=(), total=0)


def select_merge_stacktraces(
    call: Call, request: SelectMergeStacktracesRequest
) -> SelectMergeStacktracesResponse:
    """The flame graph of all samples from `start` up to but not with `end`; an empty bar if there is none."""
    _refuse_unsupported(request)
    profile_type = ProfileType.parse(request.profile_typeID)
    matchers = parse_selector(request.label_selector)
    max_nodes = _max_nodes(request.max_nodes, call.services.settings)
    within = query_range(call, request.start, request.end)
    if within is None:
        return SelectMergeStacktracesResponse(flamegraph=flamegraph_of(_EMPTY))
    query = StacktraceQuery(profile_type=profile_type, matchers=matchers, within=within, max_nodes=max_nodes)
    tree = call.services.store.select_merge_stacktraces(call.tenant, query)
    return SelectMergeStacktracesResponse(flamegraph=flamegraph_of(tree))


def _refuse_unsupported(request: SelectMergeStacktracesRequest) -> None:
    refuse_fields(request, _UNSUPPORTED_FIELDS)
    if request.format not in _FLAMEGRAPH_FORMATS:
        raise unsupported("this format is not supported yet: ask for PROFILE_FORMAT_FLAMEGRAPH")


def _max_nodes(asked: int, settings: Settings) -> int:
    allowed = settings.max_flamegraph_nodes
    if asked < 0:
        raise invalid_argument(f"max flamegraph nodes limit must be set (max allowed {allowed})")
    if asked > allowed:
        raise invalid_argument(f"max flamegraph nodes limit {asked} is greater than allowed {allowed}")
    return asked or min(settings.default_flamegraph_nodes, allowed)


route = querier_rpc("SelectMergeStacktraces", SelectMergeStacktracesRequest, select_merge_stacktraces)
handler = lambda_handler(route)
