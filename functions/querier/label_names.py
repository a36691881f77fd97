"""LabelNames: the names of the labels of the selected series."""

from flamehouse.model.selector import parse_matchers
from flamehouse.pb.types_pb2 import LabelNamesRequest, LabelNamesResponse
from flamehouse.serverless.http_handler import lambda_handler
from flamehouse.web.connect import Call
from querier.common.labels import visible_names
from querier.common.query_range import query_range_or_last_hour
from querier.common.rpc import querier_rpc


def label_names(call: Call, request: LabelNamesRequest) -> LabelNamesResponse:
    """Returns the names, sorted, private ones (`__x__`) included. Without a range it covers the last hour."""
    matchers = parse_matchers(request.matchers)
    within = query_range_or_last_hour(call, request.start, request.end)
    if within is None:
        return LabelNamesResponse()
    names = call.services.store.label_names(call.tenants, matchers, within)
    return LabelNamesResponse(names=visible_names(names, call.headers))


route = querier_rpc("LabelNames", LabelNamesRequest, label_names)
handler = lambda_handler(route)
