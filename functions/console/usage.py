"""Reports what each tenant and service sends and stores, for those who run the server or pay for it."""

import time
from dataclasses import asdict
from typing import Annotated, Final, Literal

from fastapi import Query
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import JSONResponse

from flamehouse.errors import invalid_argument
from flamehouse.serverless.http_handler import lambda_handler
from flamehouse.services import Services
from flamehouse.units import S_PER_DAY
from flamehouse.web.authentication import principal_of
from flamehouse.web.cancellation import work_for
from flamehouse.web.http_app import http_app_of, http_router

_MAX_DAYS: Final = 10_000


class UsageParameters(BaseModel):
    """The parameters as text, which is validated where it is used."""

    days: str = Field("", description="Count profiles of this many days until now; 1 by default")


class ServiceUsage(BaseModel):
    """What one service of a tenant sends and stores."""

    tenant: str
    service: str
    uploads: int
    profiles: int
    series: int
    samples: int
    bytes: int = Field(description="Bytes on disk, estimated from the number of samples")
    bytes_sent: int = Field(
        description="Bytes of request bodies as received; 0 for uploads from before version 4 of the schema"
    )
    share: float = Field(
        description="Share of the samples in this response, and so roughly of ClickHouse's bill"
    )


class UsageData(BaseModel):
    """The largest first."""

    days: int
    usage: list[ServiceUsage]


class UsageResponse(BaseModel):
    """The response, in the shape of Prometheus' API."""

    status: Literal["success"] = "success"
    data: UsageData


router = http_router()


@router.get(
    "/api/v1/usage",
    tags=["status"],
    summary="What tenants and services send and store",
    operation_id="usage",
    response_class=JSONResponse,
    response_model=UsageResponse,
)
async def usage(request: Request, parameters: Annotated[UsageParameters, Query()]) -> JSONResponse:
    """The usage of the tenants in `X-Scope-OrgID`; of all tenants if a credential for all sends no such header."""
    principal, days = principal_of(request.scope), _days(parameters.days)
    services: Services = request.app.state.services()
    tenants = () if principal.all_tenants else principal.tenants

    def respond() -> JSONResponse:
        since_s = int(time.time()) - days * S_PER_DAY
        found = services.store.usage(tenants, since_s)
        data = {"days": days, "usage": [asdict(each) for each in found]}
        return JSONResponse({"status": "success", "data": data})

    return await work_for(request, services.store, respond)


def _days(text: str) -> int:
    if not text:
        return 1
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= _MAX_DAYS:
        raise invalid_argument(f"invalid days {text[:20]!r}: use a whole number from 1 to {_MAX_DAYS}")
    return int(text)


routes = router.routes
handler = lambda_handler(*routes, app_of=http_app_of)
