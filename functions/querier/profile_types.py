"""ProfileTypes: the profile types in a time range. Grafana's data source test requests them for 1970."""

from flamehouse.model.profile_type import ProfileType
from flamehouse.pb.querier_pb2 import ProfileTypesRequest, ProfileTypesResponse
from flamehouse.pb.types_pb2 import ProfileType as ProfileTypeMessage
from flamehouse.serverless.http_handler import lambda_handler
from flamehouse.web.connect import Call
from querier.common.query_range import query_range_or_last_hour
from querier.common.rpc import querier_rpc


def profile_types(call: Call, request: ProfileTypesRequest) -> ProfileTypesResponse:
    """Returns the types, sorted by id. Without a range it covers the last hour."""
    within = query_range_or_last_hour(call, request.start, request.end)
    if within is None:
        return ProfileTypesResponse()
    ids = call.services.store.profile_types(call.tenants, within)
    return ProfileTypesResponse(profile_types=[_message(ProfileType.parse(id_)) for id_ in ids])


def _message(profile_type: ProfileType) -> ProfileTypeMessage:
    return ProfileTypeMessage(
        ID=profile_type.id,
        name=profile_type.name,
        sample_type=profile_type.sample_type,
        sample_unit=profile_type.sample_unit,
        period_type=profile_type.period_type,
        period_unit=profile_type.period_unit,
    )


route = querier_rpc("ProfileTypes", ProfileTypesRequest, profile_types)
handler = lambda_handler(route)
