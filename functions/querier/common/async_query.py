"""Async queries (`async`), for which a client polls: the request id is the encoded request itself.

No state is stored, so any function can respond to a poll. An async query takes as long as a synchronous one.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode

from flamehouse.errors import RpcError, invalid_argument
from flamehouse.pb.querier_pb2 import (
    ASYNC_QUERY_STATUS_IN_PROGRESS,
    ASYNC_QUERY_STATUS_SUCCESS,
    ASYNC_QUERY_TYPE_FORCE,
    AsyncQueryRequest,
    AsyncQueryResponse,
    AsyncQueryStatus,
    SelectMergeStacktracesRequest,
    SelectMergeStacktracesResponse,
)
from flamehouse.web.codec import PROTO

_FIELD = "async"
"""The field's name is a Python keyword, so code reads it with `getattr`."""


def accepted_async_query(request: SelectMergeStacktracesRequest) -> SelectMergeStacktracesResponse | None:
    """Returns a response with a request id and no result if the client starts an async query."""
    query = _async_of(request)
    if query.request_id or query.type != ASYNC_QUERY_TYPE_FORCE:
        return None
    response = SelectMergeStacktracesResponse()
    request_id = urlsafe_b64encode(_plain(request).SerializeToString()).decode()
    _set_status(response, request_id, ASYNC_QUERY_STATUS_IN_PROGRESS)
    return response


def requested_query(request: SelectMergeStacktracesRequest) -> SelectMergeStacktracesRequest:
    """Returns the request to run now: the one received, or the one that its request id encodes.

    Raises RpcError(INVALID_ARGUMENT) for an id that `accepted_async_query` did not make.
    """
    request_id = _async_of(request).request_id
    if not request_id:
        return request
    try:
        return _plain(PROTO.decode(urlsafe_b64decode(request_id), SelectMergeStacktracesRequest))
    except (ValueError, RpcError) as error:
        raise invalid_argument(
            "unknown async.request_id: send the id of a response from this server"
        ) from error


def mark_done(request: SelectMergeStacktracesRequest, response: SelectMergeStacktracesResponse) -> None:
    """Marks the response to a poll as complete."""
    request_id = _async_of(request).request_id
    if request_id:
        _set_status(response, request_id, ASYNC_QUERY_STATUS_SUCCESS)


def _async_of(request: SelectMergeStacktracesRequest) -> AsyncQueryRequest:
    query: AsyncQueryRequest = getattr(request, _FIELD)
    return query


def _plain(request: SelectMergeStacktracesRequest) -> SelectMergeStacktracesRequest:
    plain = SelectMergeStacktracesRequest()
    plain.CopyFrom(request)
    plain.ClearField(_FIELD)
    return plain


def _set_status(response: SelectMergeStacktracesResponse, request_id: str, status: AsyncQueryStatus) -> None:
    getattr(response, _FIELD).CopyFrom(AsyncQueryResponse(request_id=request_id, status=status))
