"""pprof files: decoded and checked as uploads to /ingest are, drawn as Pyroscope draws a file.

A frame without a function is drawn as it is for an upload.
"""

from collections.abc import Sequence
from itertools import accumulate

from adhoc.files.call_tree import CallTree
from adhoc.files.profile_file import ProfileFile, add_stack
from flamehouse.render.flamebearer import shown_as
from flamehouse.settings import Settings
from ingest.profile.incoming import IncomingProfile
from ingest.profile.native_frames import frame_name
from ingest.profile.pprof import decode_pprof
from ingest.profile.validate import ValidProfile, validate

_LABELS = {"__name__": "adhoc", "service_name": "adhoc"}
"""What a series would be called; a file makes none."""


def read_pprof(data: bytes, _name: str, settings: Settings) -> ProfileFile:
    """The file. RpcError invalid_argument for what is no pprof, or one beyond the limits of what is taken in."""
    pprof = decode_pprof(data)
    # A file may be of any time.
    pprof.time_nanos = 0
    valid = validate(IncomingProfile(labels=_LABELS, pprof=pprof), settings, received_ns=0, past_s=0)
    frames = _frames(valid, settings.native_frames)
    strings = pprof.string_table

    def fill(tree: CallTree, type_: int, side: int) -> None:
        samples = valid.columns.samples
        values = samples.values[type_ :: len(pprof.sample_type)]
        for value, depth, end in zip(values, samples.depths, accumulate(samples.depths), strict=True):
            stack = _stack(samples.location_ids[end - depth : end], frames, settings.max_stack_depth)
            add_stack(tree, stack, value, side)

    types = [shown_as(strings[each.type], strings[each.unit]) for each in pprof.sample_type]
    return ProfileFile(types=types, fill=fill)


def _frames(profile: ValidProfile, native_frames: str) -> dict[int, list[str]]:
    """The names of each location, the outermost of inlined functions first."""
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
    """The names of a stack that is given leaf first, the outermost `max_depth` of them; unknown locations left out."""
    return [name for location in reversed(locations) for name in frames.get(location, ())][:max_depth]
