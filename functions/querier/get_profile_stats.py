"""GetProfileStats: whether the tenant has profiles, and their time range. Profiles Drilldown calls it first."""

from flamehouse.pb.types_pb2 import GetProfileStatsRequest, GetProfileStatsResponse
from flamehouse.serverless.http_handler import lambda_handler
from flamehouse.web.connect import Call
from querier.common.rpc import querier_rpc


def get_profile_stats(call: Call, request: GetProfileStatsRequest) -> GetProfileStatsResponse:  # noqa: ARG001
    """Returns the times of the oldest and the newest profile in milliseconds; zeros if the tenant has no profiles."""
    times = call.services.store.profile_times(call.tenants)
    if times is None:
        return GetProfileStatsResponse()
    return GetProfileStatsResponse(
        data_ingested=True, oldest_profile_time=times.start_ms, newest_profile_time=times.end_ms
    )


route = querier_rpc("GetProfileStats", GetProfileStatsRequest, get_profile_stats)
handler = lambda_handler(route)
