"""The pprof that is made of many profiles: their samples merged, with functions, files, lines and mappings.

Format: github.com/google/pprof, proto/profile.proto.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from flamehouse.flamegraph import OTHER
from flamehouse.pb.profile_pb2 import Line, Profile, ValueType
from flamehouse.profile import Function
from flamehouse.profile import Mapping as MappedFile
from flamehouse.profile_type import ProfileType
from flamehouse.timerange import TimeRange
from flamehouse.varint import uvarint

CUT_OFF = 0
"""Stands among the ids of locations for what was cut off of a stack."""

_MS_NS = 1_000_000
_PERIODS = {"process_cpu": 1_000_000_000, "memory": 524_288}
"""Pyroscope's guess of the period, by metric name; 1 of any other."""


class SourceLabels(NamedTuple):
    """Where the source code of a program is, as its series' labels say; empty where they do not."""

    repository: str
    git_ref: str
    root_path: str


UNKNOWN_SOURCE = SourceLabels("", "", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class MergedProfile:
    """Merged samples, and the symbols that they name by their numbers in it.

    `samples` are encoded as pprof's field `sample`, `locations` as its message Location without an id. `cut_off` is the
    number of the location that stands for what was cut off, 0 where nothing was to be.
    """

    samples: bytes
    locations: Mapping[int, bytes]
    functions: Mapping[int, Function]
    mappings: Mapping[int, MappedFile]
    cut_off: int = 0
    source: SourceLabels = UNKNOWN_SOURCE


NO_PROFILE = MergedProfile(samples=b"", locations={}, functions={}, mappings={})


def pprof_of(merged: MergedProfile, profile_type: ProfileType, within: TimeRange) -> Profile:
    """The message, of one sample type; an empty one where there are no samples."""
    if not merged.samples:
        return Profile()
    pprof = Profile.FromString(merged.samples + _encoded_locations(merged.locations))
    table = _Strings()
    value_type = ValueType(type=table[profile_type.sample_type], unit=table[profile_type.sample_unit])
    pprof.sample_type.append(value_type)
    pprof.period_type.type = table[profile_type.period_type]
    pprof.period_type.unit = table[profile_type.period_unit]
    pprof.period = _PERIODS.get(profile_type.name, 1)
    pprof.default_sample_type = value_type.type
    pprof.time_nanos = within.end_ms * _MS_NS
    pprof.duration_nanos = within.length_ms * _MS_NS
    _add_mappings(pprof, merged, table)
    _add_functions(pprof, merged.functions, table)
    # Where a stack was cut off, it is the leaf.
    if merged.cut_off and any(merged.cut_off in sample.location_id[:1] for sample in pprof.sample):
        _add_cut_off(pprof, merged.cut_off, table)
    pprof.string_table.extend(table.texts)
    return pprof


@dataclass(frozen=True, slots=True)
class _Strings:
    """The string table: a text's index, which it is given when it is first asked for."""

    texts: dict[str, int] = field(default_factory=lambda: {"": 0})

    def __getitem__(self, text: str) -> int:
        return self.texts.setdefault(text, len(self.texts))


def _encoded_locations(locations: Mapping[int, bytes]) -> bytes:
    """The field `location`: of each its length, its id and the rest of it."""
    encoded: list[bytes] = []
    for number, body in locations.items():
        id_ = b"\x08" + uvarint(number)
        encoded += (b"\x22", uvarint(len(id_) + len(body)), id_, body)
    return b"".join(encoded)


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
    """The build id, with where the source code is if that is known, as Drilldown reads it: JSON."""
    if not any(source):
        return build_id
    known = {
        "repository": source.repository,
        "git_ref": source.git_ref,
        "build_id": build_id,
        "root_path": source.root_path,
    }
    return json.dumps({name: value for name, value in known.items() if value})


def _add_functions(pprof: Profile, functions: Mapping[int, Function], table: _Strings) -> None:
    add = pprof.function.add
    for number, (_, _, name, system_name, filename, start_line) in sorted(functions.items()):
        add(
            id=number,
            name=table[name],
            system_name=table[system_name],
            filename=table[filename],
            start_line=start_line,
        )


def _add_cut_off(pprof: Profile, number: int, table: _Strings) -> None:
    """Add what stands for the ends of stacks that were cut off: a function called `other`."""
    function = max((function.id for function in pprof.function), default=0) + 1
    pprof.function.add(id=function, name=table[OTHER], system_name=table[OTHER])
    pprof.location.add(id=number, line=[Line(function_id=function)])
