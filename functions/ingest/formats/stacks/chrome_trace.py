"""Reads the CPU profiles in Chrome's trace events, as recorded by its Performance panel and Node.js.

Format: Trace Event Format, events of phase P. `Profile` begins a profile, and `ProfileChunk` adds nodes, samples and time
deltas to it; older versions have one `CpuProfile`. Other events are skipped: they are durations, not samples.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from flamehouse.errors import invalid_argument
from ingest.formats import Parsed
from ingest.formats.stacks.stack_profile import MeasuredStacks, upload_of_measured
from ingest.formats.stacks.v8_cpuprofile import cpu_stacks
from ingest.request.body import WHOLE_BODY
from ingest.request.json_fields import list_of, object_of, objects_of, parse_json, text_of
from ingest.request.query import IngestRequest

type _Id = tuple[str, str]
"""The ids of a process and of its thread or profile."""

_MAX_PROFILES: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Profile:
    """The merged chunks of a profile, in the format of a .cpuprofile."""

    thread: _Id
    lists: dict[str, list[object]] = field(
        default_factory=lambda: {"nodes": [], "samples": [], "timeDeltas": []}
    )


def parse(request: IngestRequest, parts: Mapping[str, bytes]) -> Parsed:
    """Returns a profile of CPU time per profiled thread, with the thread's name in the label `profile_name`."""
    trace = parse_json(parts.get(WHOLE_BODY, b""))
    if isinstance(trace, list):
        trace = {"traceEvents": trace}
    profiles = [*_profiles(objects_of(object_of(trace, "the file"), "traceEvents"))]
    if not profiles:
        raise invalid_argument(
            "the trace has no CPU profile: record it with the category disabled-by-default-v8.cpu_profiler"
        )
    if len(profiles) > _MAX_PROFILES:
        raise invalid_argument(f"the file has more than {_MAX_PROFILES} profiles")
    return upload_of_measured(request, profiles)


def _profiles(events: Sequence[Mapping[str, object]]) -> Iterator[MeasuredStacks]:
    names: dict[_Id, str] = {}
    profiles: dict[_Id, _Profile] = {}
    for event in events:
        match event.get("name"):
            case "thread_name":
                names[_id(event, "tid")] = text_of(object_of(event.get("args"), "args"), "name")
            case "Profile" | "ProfileChunk" | "CpuProfile":
                _add(profiles, event)
            case _:
                pass
    for profile in profiles.values():
        name = names.get(profile.thread, "")
        yield cpu_stacks(profile.lists, {"profile_name": name} if name else {})


def _add(profiles: dict[_Id, _Profile], event: Mapping[str, object]) -> None:
    """Adds the content of an event to the profile of its process and id."""
    profile = profiles.setdefault(_id(event, "id"), _Profile(thread=_id(event, "tid")))
    data = object_of(object_of(event.get("args"), "args").get("data"), "data")
    part = object_of(data.get("cpuProfile"), "cpuProfile")
    for name, values in profile.lists.items():
        values.extend(list_of(part, name) or list_of(data, name))


def _id(event: Mapping[str, object], name: str) -> _Id:
    return str(event.get("pid")), str(event.get(name))
