"""Encodes merged profiles as pprof, with functions, files, lines and mappings.

Format: github.com/google/pprof, proto/profile.proto.
"""

import json
from dataclasses import dataclass, field, replace

from flamehouse.model.call_tree import OTHER
from flamehouse.model.merged_profile import NO_PROFILE, EncodedFunctions, MergedProfile, SourceLabels
from flamehouse.model.profile_type import ProfileType
from flamehouse.model.time_range import TimeRange
from flamehouse.pb.profile_pb2 import Line, Profile, ValueType
from flamehouse.units import NS_PER_MS

_PERIODS = {"process_cpu": 1_000_000_000, "memory": 524_288}
"""Pyroscope's guess of the period, by metric name; 1 for any other."""
_EMPTY_TEXT = b"\x32\x00"
"""The first entry of `string_table`, encoded."""


def encoded_pprof(merged: MergedProfile, profile_type: ProfileType, within: TimeRange) -> bytes:
    """Return the message Profile with one sample type; empty if there are no samples."""
    if not merged.samples:
        return b""
    functions = merged.functions
    rest = _rest_of(merged, profile_type, within).SerializeToString()
    # The texts of both parts are numbered in this order.
    return b"".join((merged.samples, merged.locations, functions.functions, functions.texts, rest))


def pprof_without_samples(profile_type: ProfileType, within: TimeRange) -> bytes:
    """Return a message Profile with only its sample type and times, which every reader accepts."""
    functions = EncodedFunctions(functions=b"", last_number=0, texts=_EMPTY_TEXT, text_count=1)
    rest = _rest_of(replace(NO_PROFILE, functions=functions), profile_type, within)
    return functions.texts + rest.SerializeToString()


def _rest_of(merged: MergedProfile, profile_type: ProfileType, within: TimeRange) -> Profile:
    """Return the part of the profile that is not encoded yet."""
    pprof = Profile()
    table = _Strings(first=merged.functions.text_count)
    value_type = ValueType(type=table[profile_type.sample_type], unit=table[profile_type.sample_unit])
    pprof.sample_type.append(value_type)
    pprof.period_type.type = table[profile_type.period_type]
    pprof.period_type.unit = table[profile_type.period_unit]
    pprof.period = _PERIODS.get(profile_type.name, 1)
    pprof.default_sample_type = value_type.type
    pprof.time_nanos = within.end_ms * NS_PER_MS
    pprof.duration_nanos = within.length_ms * NS_PER_MS
    _add_mappings(pprof, merged, table)
    if merged.cut_off:
        _add_cut_off(pprof, merged, table)
    pprof.string_table.extend(table.texts)
    return pprof


@dataclass(frozen=True, slots=True, kw_only=True)
class _Strings:
    """The rest of the string table: assigns each text an index on first use, starting at `first`."""

    first: int
    texts: dict[str, int] = field(default_factory=dict)

    def __getitem__(self, text: str) -> int:
        return self.texts.setdefault(text, self.first + len(self.texts)) if text else 0


def _add_mappings(pprof: Profile, merged: MergedProfile, table: _Strings) -> None:
    for number, mapping in sorted(merged.mappings.items()):
        flags = mapping.flags
        pprof.mapping.add(
            id=number,
            memory_start=mapping.memory_start,
            memory_limit=mapping.memory_limit,
            file_offset=mapping.file_offset,
            filename=table[mapping.filename],
            build_id=table[_build_id(mapping.build_id, merged.source)],
            has_functions=bool(flags & 1),
            has_filenames=bool(flags & 2),
            has_line_numbers=bool(flags & 4),
            has_inline_frames=bool(flags & 8),
        )


def _build_id(build_id: str, source: SourceLabels) -> str:
    """Return the build id; if the place of the source code is known, both as JSON in the form that Drilldown reads."""
    if not any(source):
        return build_id
    known = {
        "repository": source.repository,
        "git_ref": source.git_ref,
        "build_id": build_id,
        "root_path": source.root_path,
    }
    return json.dumps({name: value for name, value in known.items() if value})


def _add_cut_off(pprof: Profile, merged: MergedProfile, table: _Strings) -> None:
    """Add a function called `other`, which represents the ends of stacks that were cut off."""
    function = merged.functions.last_number + 1
    pprof.function.add(id=function, name=table[OTHER], system_name=table[OTHER])
    pprof.location.add(id=merged.cut_off, line=[Line(function_id=function)])
