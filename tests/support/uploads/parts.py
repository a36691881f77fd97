"""What profiles are stored as, taken where the write path hands them to the store and read in a test's words."""

from collections.abc import Mapping

from flamehouse.model.profile import Location, SeriesProfile, Upload
from flamehouse.pb.profile_pb2 import Profile
from flamehouse.settings import Settings
from tests.support.uploads.profiles import CPU_LABELS
from tests.support.uploads.uploads import ANY_TIME, Ingest, series

_PRIVATE = "__"
_COMMON = "service_name"


def uploaded(
    *profiles: Profile, labels: Mapping[str, str] = CPU_LABELS, settings: Settings = ANY_TIME
) -> list[Upload]:
    """What a push of the profiles, which has to be taken in, is stored as: nothing, or one upload."""
    ingest = Ingest(settings=settings)
    response = ingest.push(series(labels, *profiles))
    assert response.status_code == 200, response.text
    return ingest.uploads


def parts_of(
    profile: Profile, labels: Mapping[str, str] = CPU_LABELS, settings: Settings = ANY_TIME
) -> list[SeriesProfile]:
    """The parts that one profile, which has to be taken in, is stored in."""
    uploads = uploaded(profile, labels=labels, settings=settings)
    return [part for upload in uploads for part in upload.profiles]


def own_labels(part: SeriesProfile) -> dict[str, str]:
    """The labels of a part without private ones and the name of its service."""
    return {name: value for name, value in part.labels if not name.startswith(_PRIVATE) and name != _COMMON}


def locations_of(part: SeriesProfile) -> list[list[Location]]:
    """The stack of each sample of a part, root first."""
    return [
        [part.symbols.locations[id_] for id_ in part.symbols.stacktraces[stack]]
        for stack in part.stacktrace_ids
    ]


def names_by_sample(part: SeriesProfile) -> list[list[str]]:
    """The functions of each sample's stack, root first."""
    names = {function.name_id: function.name for function in part.symbols.functions.values()}
    return [[names[name_id] for name_id in part.symbols.frames_of(stack)] for stack in part.stacktrace_ids]


def values_by_stack(part: SeriesProfile) -> list[tuple[str, int]]:
    """The samples of a part as `root;leaf` and a value, sorted."""
    return sorted(
        (";".join(names), value) for names, value in zip(names_by_sample(part), part.values, strict=True)
    )
