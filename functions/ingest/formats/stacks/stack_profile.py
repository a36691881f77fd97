"""Converts plain stacks (names and a value) to labels and a pprof message of one sample type."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Final

from flamehouse.errors import Code
from flamehouse.pb import profile_pb2
from flamehouse.units import MAX_INT64
from ingest.formats import Parsed, RefusedProfileError
from ingest.formats.stacks.app_name import SampleType, read_app_name, sample_type_of
from ingest.profile.incoming import IncomingProfile
from ingest.profile.pprof import shorten
from ingest.profile.series_labels import series_labels
from ingest.request.budget import Budget
from ingest.request.query import DEFAULT_SAMPLE_RATE, IngestRequest

_MAX_STACKS: Final = 1 << 18
"""The maximum number of distinct stacks."""
_MAX_FRAMES: Final = 4_000_000
"""The limit for all stacks of an upload together: with short or shared names, few bytes can encode many frames."""
_MAX_NAME_CHARS: Final = 1 << 24
"""The limit for all profiles of an upload together: they may share long names, but each contains a copy."""
_MAX_SHOWN_BYTES: Final = 256
_DROPPING_LABEL: Final = "profile_id"

type Stack = tuple[Sequence[str], int]
"""The frame names of a stack, root first, and its value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StackBudgets:
    """The budgets that the profiles of one upload share."""

    frames: Budget = field(default_factory=lambda: Budget(_MAX_FRAMES, "frames in its stacks"))
    names: Budget = field(default_factory=lambda: Budget(_MAX_NAME_CHARS, "characters in its frame names"))


def upload_of_stacks(request: IngestRequest, stacks: Mapping[bytes, int]) -> Parsed:
    """Builds an upload of one profile from stacks written `root;child;leaf`, in UTF-8, with their counts.

    A stack without frames is dropped. Raises RpcError(INVALID_ARGUMENT) for more than 262,144 distinct stacks, and
    the errors of `stack_profile`.
    """
    Budget(_MAX_STACKS, "distinct stacks").take(len(stacks))
    return _upload(
        request, ((frames_of(stack), value) for stack, value in stacks.items() if value > 0 and stack)
    )


def upload_of_named_stacks(request: IngestRequest, stacks: Sequence[Stack]) -> Parsed:
    """Builds an upload of one profile from stacks with their counts. Raises the errors of `upload_of_stacks`."""
    Budget(_MAX_STACKS, "distinct stacks").take(len(stacks))
    return _upload(request, stacks)


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredStacks:
    """The stacks of one profile with its own sample type, and its labels in addition to the upload's.

    `count` is an upper bound on the number of stacks; `stacks` may be a generator.
    """

    sample_type: SampleType
    count: int
    stacks: Iterable[Stack]
    labels: Mapping[str, str] = field(default_factory=dict)


def upload_of_measured(request: IngestRequest, profiles: Sequence[MeasuredStacks]) -> Parsed:
    """Builds an upload of profiles whose values have the unit of their sample type.

    The ending of the application's name may select another sample type of the same unit, such as `wall` for `cpu`.

    Raises:
        RpcError: like `upload_of_stacks`.
        RefusedProfileError: like `upload_of_stacks`, and for an ending with another unit.
    """
    budget, budgets = Budget(_MAX_STACKS, "distinct stacks"), StackBudgets()
    made = []
    for profile in profiles:
        budget.take(profile.count)
        service, sample_type = _named(request.app_name, profile.sample_type)
        made.append(stack_profile(request, service, sample_type, profile.stacks, budgets, profile.labels))
    return upload_of_profiles(request, made)


def _named(app_name: str, measured: SampleType) -> tuple[str, SampleType]:
    """Returns the service, and the sample type that the application's name ends in, or else the measured one."""
    if "." not in app_name:
        return app_name, measured
    service, named = read_app_name(app_name, DEFAULT_SAMPLE_RATE)
    if named.unit != measured.unit:
        of = "time" if measured.period_ns else f"{measured.type} ({measured.unit})"
        raise _refused(
            f"the application name '{app_name}' selects {named.type}, but the profile measures {of}"
        )
    return service, named


CPU_TIME: Final = sample_type_of("cpu")
WALL_TIME: Final = sample_type_of("wall")


def _upload(request: IngestRequest, stacks: Iterable[Stack]) -> Parsed:
    service, sample_type = read_app_name(request.app_name, request.sample_rate)
    factor = sample_type.period_ns or 1
    counted = ((names, count * factor) for names, count in stacks)
    return upload_of_profiles(
        request, [stack_profile(request, service, sample_type, counted, StackBudgets())]
    )


def upload_of_profiles(request: IngestRequest, profiles: Sequence[IncomingProfile]) -> Parsed:
    """Builds the upload; it is empty if the name has a label `profile_id`, as Pyroscope drops such uploads."""
    if _DROPPING_LABEL in request.labels:
        return Parsed(profiles=(), timed=True)
    return Parsed(profiles=profiles, timed=request.timed)


def stack_profile(
    request: IngestRequest,
    service: str,
    sample_type: SampleType,
    stacks: Iterable[Stack],
    budgets: StackBudgets,
    more_labels: Mapping[str, str] | None = None,
) -> IncomingProfile:
    """Builds one profile, at the request's time. `more_labels` override its labels.

    Raises RpcError(INVALID_ARGUMENT) for more frames or longer names than the budgets allow, and RefusedProfileError
    for values that add up to more than 64 bits.
    """
    pprof = profile_pb2.Profile(time_nanos=request.start_ns, period=sample_type.period_ns)
    names = _add_samples(pprof, stacks, sample_type.type, budgets)
    _add_names(pprof, names)
    _add_types(pprof, sample_type)
    labels = {**series_labels(request, service, sample_type.metric), **(more_labels or {})}
    return IncomingProfile(labels=labels, pprof=pprof)


def frames_of(stack: bytes) -> list[str]:
    """Splits a stack written `root;child;leaf`; a trailing semicolon adds no name.

    Raises RefusedProfileError for invalid UTF-8.
    """
    try:
        names = stack.decode().split(";")
    except UnicodeDecodeError as error:
        raise _refused(f"invalid utf8 string hex: {_undecodable(stack)}") from error
    if not names[-1]:
        names.pop()
    return names


def _undecodable(stack: bytes) -> str:
    """Returns the first name that is not UTF-8, in hexadecimal."""
    return next(name.hex() for name in stack.split(b";") if not _is_utf8(name))[: 2 * _MAX_SHOWN_BYTES]


def _is_utf8(name: bytes) -> bool:
    try:
        name.decode()
    except UnicodeDecodeError:
        return False
    return True


def _add_samples(
    pprof: profile_pb2.Profile, stacks: Iterable[Stack], type_: str, budgets: StackBudgets
) -> list[str]:
    """Adds a sample for each stack, and returns the location names in the order of their ids, which start at 1."""
    ids: defaultdict[str, int] = defaultdict(count(1).__next__)
    id_of, add = ids.__getitem__, pprof.sample.add
    value_left = MAX_INT64
    for names, value in stacks:
        budgets.frames.take(len(names))
        value_left -= value
        if value_left < 0:
            raise _refused(f"the values of sample type '{type_}' add up to more than 64 bits")
        add(location_id=[*map(id_of, reversed(names))], value=(value,))
    budgets.names.take(sum(map(len, ids)))
    return [*ids]


def _add_names(pprof: profile_pb2.Profile, names: Sequence[str]) -> None:
    """Adds a function for each name, and a location for each function; id and string index are equal."""
    pprof.string_table.append("")
    pprof.string_table.extend(map(shorten, names))
    add_function, add_location = pprof.function.add, pprof.location.add
    for id_ in range(1, len(names) + 1):
        add_function(id=id_, name=id_, system_name=id_)
        add_location(id=id_).line.add(function_id=id_)


def _add_types(pprof: profile_pb2.Profile, sample_type: SampleType) -> None:
    first = len(pprof.string_table)
    pprof.string_table.extend((sample_type.type, sample_type.unit, "cpu", "nanoseconds"))
    pprof.sample_type.add(type=first, unit=first + 1)
    if sample_type.period_ns:
        pprof.period_type.type, pprof.period_type.unit = first + 2, first + 3


def _refused(reason: str) -> RefusedProfileError:
    return RefusedProfileError(Code.INVALID_ARGUMENT, reason)
