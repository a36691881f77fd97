"""Reads OTLP exports: profiles of several resources that share one dictionary."""

from typing import Final

from flamehouse import memory
from flamehouse.errors import RpcError
from flamehouse.services import Services
from flamehouse.web.codec import JSON
from ingest.formats import otlp
from ingest.profile.checked import CheckedProfile
from ingest.readers import ReadUpload, checks_of, id_of_profiles
from ingest.received import ReceivedUpload
from ingest.request.otlp_body import body_limit, codec_of, unpacked

_MEMORY_FACTOR: Final = 16
"""The maximum bytes of memory that reading one byte takes."""


def read(received: ReceivedUpload, services: Services) -> ReadUpload:
    """Read the upload. Raises RpcError(INVALID_ARGUMENT) for an invalid body."""
    codec = codec_of(received.content_type)
    body = unpacked(received.body, body_limit(codec, services.settings).bytes)
    memory.begin_work(len(body) * _MEMORY_FACTOR)
    request = otlp.read_json(body) if codec is JSON else otlp.read_proto(body)
    checks = checks_of(received, services)
    profiles: list[CheckedProfile] = []
    for found in otlp.profiles_of(request, services.settings):
        if isinstance(found.profiles, RpcError):
            profiles.append(CheckedProfile(id=found.place, profile=found.profiles))
        else:
            profiles += [checks.check(profile, found.place) for profile in found.profiles]
    return ReadUpload(id=id_of_profiles(received, (("", body),), profiles), profiles=profiles)
