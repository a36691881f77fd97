"""Series: the distinct label sets of the selected series.

Profiles Drilldown lists services and profile types from it.
"""

from flamehouse.model.label_sets import LabelSetsQuery
from flamehouse.model.selector import parse_matchers
from flamehouse.pb.querier_pb2 import SeriesRequest, SeriesResponse
from flamehouse.pb.types_pb2 import Labels
from flamehouse.serverless.http_handler import lambda_handler
from flamehouse.web.connect import Call
from querier.common.labels import accepts_utf8_names, label_pairs, requested_labels, visible_names
from querier.common.query_range import query_range_or_last_hour
from querier.common.rpc import querier_rpc


def series(call: Call, request: SeriesRequest) -> SeriesResponse:
    """Returns the distinct label sets, sorted, reduced to the requested names if there are any.

    A set omits the names that its series lacks, and empty sets are omitted. Without a range it covers the last hour.
    """
    matchers = parse_matchers(request.matchers)
    requested = requested_labels("label_names", request.label_names)
    within = query_range_or_last_hour(call, request.start, request.end)
    names = tuple(visible_names(sorted(requested), call.headers))
    if within is None or (requested and not names):
        return SeriesResponse()
    query = LabelSetsQuery(
        matchers=matchers, within=within, names=names, utf8_names=accepts_utf8_names(call.headers)
    )
    label_sets = call.services.store.label_sets(call.tenants, query)
    return SeriesResponse(labels_set=[Labels(labels=label_pairs(labels)) for labels in label_sets])


route = querier_rpc("Series", SeriesRequest, series)
handler = lambda_handler(route)
