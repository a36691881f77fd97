"""LabelValues: the values of one label in the selected series."""

from flamehouse.errors import invalid_argument
from flamehouse.model.selector import parse_matchers
from flamehouse.pb.types_pb2 import LabelValuesRequest, LabelValuesResponse
from flamehouse.serverless.http_handler import lambda_handler
from flamehouse.web.connect import Call
from querier.common.query_range import query_range_or_last_hour
from querier.common.rpc import querier_rpc


def label_values(call: Call, request: LabelValuesRequest) -> LabelValuesResponse:
    """Returns the values, sorted; an empty list for an unknown label. Without a range it covers the last hour."""
    if not request.name:
        raise invalid_argument("name is required")
    matchers = parse_matchers(request.matchers)
    within = query_range_or_last_hour(call, request.start, request.end)
    if within is None:
        return LabelValuesResponse()
    values = call.services.store.label_values(call.tenants, request.name, matchers, within)
    return LabelValuesResponse(names=values)


route = querier_rpc("LabelValues", LabelValuesRequest, label_values)
handler = lambda_handler(route)
