"""Questions whose answers a client comes back for (`async`): the id that it comes back with is the question itself.

So nothing is kept, and any function can answer. What is asked for in this way takes no longer than what is not.
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
"""A word of Python's, so that the field is no attribute that could be written."""


def come_back(request: SelectMergeStacktracesRequest) -> SelectMergeStacktracesResponse | None:
    """Without an answer, where the client wants to come back for it."""
    asked = _asked(request)
    if asked.request_id or asked.type != ASYNC_QUERY_TYPE_FORCE:
        return None
    response = SelectMergeStacktracesResponse()
    request_id = urlsafe_b64encode(_plain(request).SerializeToString()).decode()
    _say(response, request_id, ASYNC_QUERY_STATUS_IN_PROGRESS)
    return response


def question_of(request: SelectMergeStacktracesRequest) -> SelectMergeStacktracesRequest:
    """What is to be answered now: the request, or what the client came back for.

    RpcError invalid_argument for an id that is none of `come_back`.
    """
    request_id = _asked(request).request_id
    if not request_id:
        return request
    try:
        return _plain(PROTO.decode(urlsafe_b64decode(request_id), SelectMergeStacktracesRequest))
    except (ValueError, RpcError) as error:
        raise invalid_argument("async.request_id is none that was answered here") from error


def say_that_it_is_done(
    request: SelectMergeStacktracesRequest, response: SelectMergeStacktracesResponse
) -> None:
    """Tell a client that came back that this is the answer."""
    request_id = _asked(request).request_id
    if request_id:
        _say(response, request_id, ASYNC_QUERY_STATUS_SUCCESS)


def _asked(request: SelectMergeStacktracesRequest) -> AsyncQueryRequest:
    asked: AsyncQueryRequest = getattr(request, _FIELD)
    return asked


def _plain(request: SelectMergeStacktracesRequest) -> SelectMergeStacktracesRequest:
    plain = SelectMergeStacktracesRequest()
    plain.CopyFrom(request)
    plain.ClearField(_FIELD)
    return plain


def _say(response: SelectMergeStacktracesResponse, request_id: str, status: AsyncQueryStatus) -> None:
    getattr(response, _FIELD).CopyFrom(AsyncQueryResponse(request_id=request_id, status=status))
