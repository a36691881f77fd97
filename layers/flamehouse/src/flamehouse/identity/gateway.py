"""The credentials on AWS: API Gateway passes on what the Lambda authorizer found."""

from dataclasses import dataclass

from starlette.requests import HTTPConnection

from flamehouse.identity.authentication import principal_under, unauthenticated
from flamehouse.identity.authorizer_context import grant_of_context
from flamehouse.identity.principal import Principal
from flamehouse.telemetry import events
from flamehouse.telemetry.log import log


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizedByGateway:
    """Accepts the requests that the Lambda authorizer accepted: its context is in the gateway's event, `aws.event`.

    A request without that context bypassed the authorizer and is rejected.
    """

    def principal_of(self, request: HTTPConnection) -> Principal:
        match request.scope.get("aws.event"):
            case {"requestContext": {"authorizer": {"lambda": context}}}:
                grant = grant_of_context(context)
            case _:
                grant = None
        if grant is None:
            log(events.NOT_AUTHORIZED)
            raise unauthenticated()
        return principal_under(grant, request)
