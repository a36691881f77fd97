"""/pyroscope/label-values: the values of one label as a JSON list, or all profile types."""

from typing import Annotated, Final

from fastapi import Query
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from flamehouse.errors import invalid_argument
from flamehouse.serverless.http_handler import lambda_handler
from flamehouse.web.connect import Call
from flamehouse.web.http_app import http_app_of, http_router
from querier.common.query_range import query_range
from querier.pyroscope.endpoint import Content, json_content, range_of, respond
from querier.pyroscope.parameters import LabelValuesParameters

_PROFILE_TYPE: Final = "__name__"
"""The label whose values are the profile types on this page."""


def render_label_values(call: Call, parameters: LabelValuesParameters) -> Content:
    """Returns the values of `label`, sorted, on the days from `from` to `until` (default: the last hour)."""
    label = parameters.label
    if not label:
        raise invalid_argument("label is required")
    within = query_range(call, *range_of(parameters.from_, parameters.until))
    if within is None:
        return json_content([])
    store = call.services.store
    if label == _PROFILE_TYPE:
        return json_content(store.profile_types(call.tenants, within))
    return json_content(store.label_values(call.tenants, label, (), within))


router = http_router()


@router.get(
    "/pyroscope/label-values", tags=["pages"], summary="Values of a label", response_class=JSONResponse
)
async def label_values_page(
    request: Request, parameters: Annotated[LabelValuesParameters, Query()]
) -> Response:
    """The values of one label as a sorted JSON list; for `__name__`, all profile types."""
    return await respond(request, lambda call: render_label_values(call, parameters))


routes = router.routes
handler = lambda_handler(*routes, app_of=http_app_of)
