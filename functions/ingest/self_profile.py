"""Stores the local server's own CPU profiles (SELF_PROFILE).

Profiles enter the pipeline directly, because the request of an upload would itself be profiled.
"""

import time
from functools import partial
from typing import Final
from uuid import uuid4

from flamehouse.errors import OperatorError
from flamehouse.pb.profile_pb2 import Profile
from flamehouse.pb.push_pb2 import PushRequest, RawProfileSeries, RawSample
from flamehouse.pb.types_pb2 import LabelPair
from flamehouse.self_profile.recorder import SERVICE, recording_thread
from flamehouse.services import Services
from flamehouse.step_thread import StepThread
from ingest import pipeline
from ingest.received import Endpoint, ReceivedUpload

_INTERVAL_S: Final = 10
_LABELS: Final = {"__name__": "process_cpu", "service_name": SERVICE}


def open_self_profile(services: Services) -> StepThread | None:
    """Return the thread that profiles this process; None without SELF_PROFILE.

    Raises: OperatorError for an invalid tenant, or on a system without CPU clocks for threads.
    """
    tenant = services.settings.self_profile
    if not tenant:
        return None
    try:
        return recording_thread(tenant, partial(store_profile, services, tenant), _INTERVAL_S)
    except ValueError as error:
        raise OperatorError(str(error)) from error


def store_profile(services: Services, tenant: str, profile: Profile) -> None:
    """Store a profile as if the tenant had pushed it. Raises RpcError if it cannot be stored."""
    labels = [LabelPair(name=name, value=value) for name, value in _LABELS.items()]
    sample = RawSample(raw_profile=profile.SerializeToString(), ID=str(uuid4()))
    push = PushRequest(series=[RawProfileSeries(labels=labels, samples=[sample])])
    received = ReceivedUpload(
        tenant=tenant,
        endpoint=Endpoint.PUSH,
        received_ns=time.time_ns(),
        content_type="application/proto",
        body=push.SerializeToString(),
    )
    outcome = pipeline.ingest(services, received)
    if outcome.error is not None:
        raise outcome.error
