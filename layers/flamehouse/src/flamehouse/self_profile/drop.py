"""Passes the profiles of a function on AWS to the worker, as files dropped into the bucket of blobs.

The worker has no SELF_PROFILE, so storing a profile creates no further one. A function may only put objects below
the prefix of these files. Clients do not wait for a put: if Lambda freezes the process during one, the thread
continues in the next invocation.
"""

import gzip
from functools import cache, partial
from typing import Final
from uuid import uuid4

from flamehouse.blobs import blobs_of
from flamehouse.blobs.keys import DROPS
from flamehouse.pb.profile_pb2 import Profile
from flamehouse.self_profile.recorder import SERVICE, recording_thread
from flamehouse.settings import Settings
from flamehouse.step_thread import StepThread

INTERVAL_S: Final = 60


@cache
def profile_function(settings: Settings, function: str) -> StepThread:
    """Return the thread that profiles this process; the first call starts it.

    Raises ValueError for an invalid SELF_PROFILE.
    """
    thread = recording_thread(settings.self_profile, partial(put, settings, function), INTERVAL_S)
    thread.start()
    return thread


def put(settings: Settings, function: str, profile: Profile) -> None:
    """Put a profile into the bucket, labelled with the name of the function. Raises RpcError."""
    key = f"{DROPS}{settings.self_profile}/{SERVICE}/{function}-{uuid4()}.pb.gz"
    content = gzip.compress(profile.SerializeToString())
    blobs_of(settings).put(key, content, {"labels": f"function={function}"})
