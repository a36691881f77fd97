"""push.v1.PusherService/Push: several pprof profiles per request, with the labels of their series.

Sent by Grafana Alloy and by the SDKs for Python, Ruby, Rust and .NET.
"""

import time

from flamehouse.pb.push_pb2 import PushResponse
from flamehouse.store.connection.query_tag import untagged
from flamehouse.web.connect import Call, unary_as_sent
from flamehouse.web.message_body import MessageBody
from ingest import pipeline
from ingest.received import Endpoint, ReceivedUpload


def push(call: Call, body: MessageBody) -> PushResponse:
    """Store the request's valid profiles. The response header Flamehouse-Warning describes changes to them.

    Raises RpcError(INVALID_ARGUMENT), listing the invalid ones.
    """
    received = ReceivedUpload(
        tenant=call.tenant,
        endpoint=Endpoint.PUSH,
        received_ns=time.time_ns(),
        content_type=body.codec.media_type,
        content_encoding=body.content_encoding,
        body=body.data,
    )
    # Once an upload begins, it is stored even if its client disconnects.
    with untagged():
        outcome = pipeline.ingest(call.services, received)
    if outcome.error is not None:
        raise outcome.error
    call.response_headers.update(outcome.warning_headers)
    return PushResponse()


route = unary_as_sent(Endpoint.PUSH, push, admit=pipeline.admit)
