"""Reads files in the formats of /ingest, with the same parsers and checks as uploads.

Frames without a function are drawn as they are for uploads. Profiles that differ only in labels, such as the threads of
a recording, are drawn as one.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import accumulate

from adhoc.files.call_tree import CallTree
from adhoc.files.profile_file import ProfileFile, add_stack
from flamehouse.render.flamebearer import Shown, shown_as
from flamehouse.settings import Settings
from ingest.formats import FORMATS
from ingest.profile.incoming import IncomingProfile
from ingest.profile.native_frames import frame_name
from ingest.profile.pprof import decode_pprof
from ingest.profile.validate import ValidProfile, validate
from ingest.request.body import WHOLE_BODY
from ingest.request.query import DEFAULT_SAMPLE_RATE, IngestRequest

_NAME = "adhoc"
_LABELS = {"__name__": _NAME, "service_name": _NAME}
"""Placeholders for the labels that a series requires and a file does not have."""


def read_pprof(data: bytes, _name: str, settings: Settings) -> ProfileFile:
    """Read a pprof. Raises RpcError(INVALID_ARGUMENT) if it is invalid or exceeds the limits of an upload."""
    return _file_of([IncomingProfile(labels=_LABELS, pprof=decode_pprof(data))], settings)


def reader_of(format_: str) -> Callable[[bytes, str, Settings], ProfileFile]:
    """Return the reader for a format of /ingest. The reader raises the RpcErrors of the parser and the checks."""

    def read(data: bytes, _name: str, settings: Settings) -> ProfileFile:
        request = IngestRequest(
            app_name=_NAME,
            labels={},
            from_=None,
            until=None,
            sample_rate=DEFAULT_SAMPLE_RATE,
            spy_name="",
            units="",
            aggregation_type="",
            format=format_,
        )
        return _file_of(FORMATS[format_].parse(request, {WHOLE_BODY: data}).profiles, settings)

    return read


def _file_of(profiles: Sequence[IncomingProfile], settings: Settings) -> ProfileFile:
    for profile in profiles:
        # The ingest window does not apply to files.
        profile.pprof.time_nanos = 0
    valid = [validate(profile, settings, received_ns=0, past_s=0) for profile in profiles]
    frames = [_frames(profile, settings.native_frames) for profile in valid]
    places = _by_name(valid)

    def fill(tree: CallTree, type_: int, side: int) -> None:
        for number, index in [*places.values()][type_]:
            _add_samples(tree, valid[number], index, frames[number], settings.max_stack_depth, side)

    return ProfileFile(types=[*places], fill=fill)


def _by_name(profiles: Sequence[ValidProfile]) -> dict[Shown, list[tuple[int, int]]]:
    """Return where each sample type occurs: the indexes of the profiles, and of the type in each.

    A name that occurs in several metrics, such as the `delay` of locks and of parked threads, is prefixed with the
    metric.
    """
    metrics = defaultdict[str, set[str]](set)
    for profile in profiles:
        for shown in _types(profile):
            metrics[shown.name].add(profile.labels["__name__"])
    places = defaultdict[Shown, list[tuple[int, int]]](list)
    for number, profile in enumerate(profiles):
        for index, shown in enumerate(_types(profile)):
            several = len(metrics[shown.name]) > 1
            name = f"{profile.labels['__name__']}:{shown.name}" if several else shown.name
            places[replace(shown, name=name)].append((number, index))
    return places


def _types(profile: ValidProfile) -> Sequence[Shown]:
    strings = profile.pprof.string_table
    return [shown_as(strings[each.type], strings[each.unit]) for each in profile.pprof.sample_type]


def _add_samples(
    tree: CallTree, profile: ValidProfile, index: int, frames: dict[int, list[str]], max_depth: int, side: int
) -> None:
    samples = profile.columns.samples
    values = samples.values[index :: len(profile.pprof.sample_type)]
    for value, depth, end in zip(values, samples.depths, accumulate(samples.depths), strict=True):
        add_stack(tree, _stack(samples.location_ids[end - depth : end], frames, max_depth), value, side)


def _frames(profile: ValidProfile, native_frames: str) -> dict[int, list[str]]:
    """Return the names of each location, outermost inlined function first."""
    locations, functions = profile.columns.locations, profile.columns.functions
    strings = profile.pprof.string_table[:]
    names = {id_: strings[name] for id_, name in zip(functions.ids, functions.names, strict=True)}
    files = {mapping.id: strings[mapping.filename] for mapping in profile.pprof.mapping}
    frames = {}
    counts = locations.line_counts
    for id_, address, mapping, count, end in zip(
        locations.ids, locations.addresses, locations.mapping_ids, counts, accumulate(counts), strict=True
    ):
        lines = locations.function_ids[end - count : end]
        known = [names[function] for function in reversed(lines) if function in names]
        native = [frame_name(address, files.get(mapping, ""), native_frames)] if address else []
        frames[id_] = known or native
    return frames


def _stack(locations: Sequence[int], frames: dict[int, list[str]], max_depth: int) -> list[str]:
    """Return the outermost `max_depth` names of a stack, root first, given locations leaf first; skips unknown ones."""
    return [name for location in reversed(locations) for name in frames.get(location, ())][:max_depth]
