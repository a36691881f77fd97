"""/ingest: uploads of Pyroscope SDKs, one application per request, described by the query string."""

import time

from starlette.requests import Request
from starlette.responses import Response

from flamehouse.web.admission import admitted
from flamehouse.web.authentication import principal_of
from flamehouse.web.cancellation import upload_for
from flamehouse.web.http_app import http_router
from ingest import pipeline
from ingest.endpoints.openapi import INGEST
from ingest.formats import body_limit
from ingest.received import Endpoint, ReceivedUpload
from ingest.request.body import read_upload
from ingest.request.query import parse_ingest_request

router = http_router()


# The query string is read as sent: FastAPI would replace invalid UTF-8 in labels, which must be an error.
@router.post("/ingest", operation_id="ingest", openapi_extra=INGEST)
@router.post("/pyroscope/ingest", operation_id="pyroscopeIngest", openapi_extra=INGEST)
async def ingest(request: Request) -> Response:
    """Stores one profile, or a recording that contains several, of one application. Responds once it is stored.

    The response header Flamehouse-Warning describes changes to the stored profiles.
    """
    tenant, received_ns = principal_of(request.scope).tenant, time.time_ns()
    parameters = request.scope["query_string"].decode(errors="surrogateescape")
    # Parsed before the body is read, so that an invalid query is rejected cheaply.
    described = parse_ingest_request(parameters, received_ns)
    services = await admitted(request, tenant, pipeline.admit)
    content_type = request.headers.get("Content-Type", "")
    limit = body_limit(described.format, content_type, services.settings)
    received = ReceivedUpload(
        tenant=tenant,
        endpoint=Endpoint.INGEST,
        received_ns=received_ns,
        parameters=parameters,
        content_type=content_type,
        content_encoding=request.headers.get("Content-Encoding", ""),
        body=await read_upload(request, limit),
    )
    outcome = await upload_for(services, tenant, received.size, lambda: pipeline.ingest(services, received))
    if outcome.error is not None:
        raise outcome.error
    return Response(headers=outcome.warning_headers)
