"""Errors as responses: Connect's JSON, and the headers of errors in any format.

Connect protocol: connectrpc.com/docs/protocol#error-end-stream
"""

import json
from http import HTTPStatus
from typing import Final

from starlette.responses import Response

from flamehouse.errors import Code, RpcError
from flamehouse.telemetry.request import note_error

MAX_MESSAGE_CHARS: Final = 4096
"""Messages quote invalid input, which may be as long as a body."""
RETRY_AFTER_S: Final = 30


def error_response(error: RpcError) -> Response:
    """Return the error in Connect's format: its HTTP status, and `{"code", "message"}` in JSON."""
    # Escaped to ASCII: a message may quote text that UTF-8 cannot encode.
    content = json.dumps({"code": error.code.wire_name, "message": error.message[:MAX_MESSAGE_CHARS]})
    return Response(content, error.http_status, error_headers(error), media_type="application/json")


def error_headers(error: RpcError) -> dict[str, str]:
    """Return the headers of an error in any format, such as Retry-After.

    Records the error for the request's log line.
    """
    note_error(error.code.wire_name, error.message)
    if error.http_status == HTTPStatus.REQUEST_TIMEOUT:
        # The rest of the request is not read, so the connection cannot be reused.
        return {"Connection": "close"}
    if error.retry_after_s is not None:
        return {"Retry-After": str(error.retry_after_s)}
    return {"Retry-After": str(RETRY_AFTER_S)} if error.code is Code.UNAVAILABLE else {}
