"""/pyroscope/label-values: the values of one label as a JSON list, or all profile types."""

from typing import Final

from starlette.datastructures import QueryParams

from flamehouse.errors import invalid_argument
from flamehouse.serverless.http_handler import lambda_handler
from flamehouse.web.connect import Call
from querier.common.query_range import query_range
from querier.pyroscope.endpoint import Content, Names, http_query, json_content, range_of

_NAMES: Final = Names(query="query", from_="from", until="until")
_PROFILE_TYPE: Final = "__name__"
"""The label whose values are profile types here."""


def render_label_values(call: Call, parameters: QueryParams) -> Content:
    """The values of `label`, sorted, on the days from `from` to `until`, which the last hour is taken for."""
    label = parameters.get("label", "")
    if not label:
        raise invalid_argument("label is required")
    within = query_range(call, *range_of(parameters, _NAMES))
    if within is None:
        return json_content([])
    store = call.services.store
    if label == _PROFILE_TYPE:
        return json_content(store.profile_types(call.tenant, within))
    return json_content(store.label_values(call.tenant, label, (), within))


route = http_query("/pyroscope/label-values", render_label_values)
handler = lambda_handler(route)
