"""Checks uploads against their tenants' limits before their bodies are read, so that a rejected upload costs little."""

from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from flamehouse.errors import RpcError
from flamehouse.services import Services
from flamehouse.web.body import discard_body
from flamehouse.web.content_length import content_length
from flamehouse.web.slow_refusals import slow_refusals

type Admit = Callable[[Services, str, int], None]
"""Counts an upload of a tenant, with its announced length in bytes. May block; raises RpcError to reject it."""


async def admitted(request: Request, tenant: str, admit: Admit) -> Services:
    """Return the services once `admit` has counted the upload.

    Raises RpcError as `admit` does, after discarding the body and the delay of `slow_refusals`.
    """
    services: Services = request.app.state.services()

    def count() -> RpcError | None:
        try:
            admit(services, tenant, content_length(request.headers))
        except RpcError as error:
            return error.alone()
        return None

    refusal = await run_in_threadpool(count)
    if refusal is not None:
        async with slow_refusals(services):
            await discard_body(request)
            raise refusal
    return services
