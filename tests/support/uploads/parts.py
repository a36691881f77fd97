"""Profiles as the write path passes them to the store, in a form that tests read easily."""

from collections.abc import Mapping

from flamehouse.model.profile import SeriesProfile, Upload
from flamehouse.model.symbols import Location
from flamehouse.pb.profile_pb2 import Profile
from flamehouse.settings import Settings
from tests.support.uploads.profiles import CPU_LABELS
from tests.support.uploads.uploads import ANY_TIME, Ingest, series

_PRIVATE = "__"
_COMMON = "service_name"


def uploaded(
    *profiles: Profile, labels: Mapping[str, str] = CPU_LABELS, settings: Settings = ANY_TIME
) -> list[Upload]:
    """Returns the stored upload of a push, if any; checks that the push is accepted."""
    ingest = Ingest(settings=settings)
    response = ingest.push(series(labels, *profiles))
    assert response.status_code == 200, response.text
    return ingest.uploads


def parts_of(
    profile: Profile, labels: Mapping[str, str] = CPU_LABELS, settings: Settings = ANY_TIME
) -> list[SeriesProfile]:
    """Returns the stored parts of one profile; checks that it is accepted."""
    uploads = uploaded(profile, labels=labels, settings=settings)
    return [part for upload in uploads for part in upload.profiles]


def own_labels(part: SeriesProfile) -> dict[str, str]:
    """Returns the labels of a part without private ones and the name of its service."""
    return {name: value for name, value in part.labels if not name.startswith(_PRIVATE) and name != _COMMON}


def locations_of(part: SeriesProfile) -> list[list[Location]]:
    """Returns the stack of each sample of a part, root first."""
    return [
        [part.symbols.locations[id_] for id_ in part.symbols.location_ids_of(stack)]
        for stack in part.stacktrace_ids
    ]


def names_by_sample(part: SeriesProfile) -> list[list[str]]:
    """Returns the functions of each sample's stack, root first."""
    names = {function.name_id: function.name for function in part.symbols.functions.values()}
    return [[names[name_id] for name_id in part.symbols.frames_of(stack)] for stack in part.stacktrace_ids]


def values_by_stack(part: SeriesProfile) -> list[tuple[str, int]]:
    """Returns the samples of a part as `root;leaf` and a value, sorted."""
    return sorted(
        (";".join(names), value) for names, value in zip(names_by_sample(part), part.values, strict=True)
    )
