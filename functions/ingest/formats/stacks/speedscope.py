"""Reads speedscope: the JSON files of speedscope.app, py-spy, Austin and many others.

Schema: github.com/jlfwong/speedscope, src/lib/file-format-spec.ts. Units and rates follow Grafana Pyroscope.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from flamehouse.errors import invalid_argument
from flamehouse.units import NS_PER_S
from ingest.formats import Parsed
from ingest.formats.stacks.app_name import read_app_name
from ingest.formats.stacks.speedscope_events import Sums, add_evented, add_sampled
from ingest.formats.stacks.stack_profile import Stack, StackBudgets, stack_profile, upload_of_profiles
from ingest.profile.incoming import IncomingProfile
from ingest.request.body import WHOLE_BODY
from ingest.request.json_fields import number_of, object_of, objects_of, parse_json, shown, text_of
from ingest.request.query import DEFAULT_SAMPLE_RATE, IngestRequest

_SCHEMA: Final = "https://www.speedscope.app/file-format-schema.json"
_MAX_PROFILES: Final = 1_000
_BYTES: Final = "bytes"

_PRECISION: Final = 100
"""Weights other than bytes are counted in hundredths."""
_RATES: Final[Mapping[str, int]] = {
    "nanoseconds": _PRECISION * 1_000_000_000,
    "microseconds": _PRECISION * 1_000_000,
    "milliseconds": _PRECISION * 1_000,
    "seconds": _PRECISION,
    "none": _PRECISION * 100,
    _BYTES: 0,
}
"""The sample rate at which a hundredth of a unit is one sample; a weight without a unit is 10 ms."""

_ADDERS: Final = {"evented": add_evented, "sampled": add_sampled}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Key:
    """The properties of a profile; profiles with equal ones are merged."""

    name: str
    type: str
    unit: str
    start: float


def parse(request: IngestRequest, parts: Mapping[str, bytes]) -> Parsed:
    """Returns a profile for each distinct name, type, unit and start in the file."""
    file = object_of(parse_json(parts.get(WHOLE_BODY, b"")), "the file")
    schema = text_of(file, "$schema")
    if schema != _SCHEMA:
        raise invalid_argument(f"unknown schema: '{shown(schema)}'")
    frames = objects_of(object_of(file.get("shared"), "shared"), "frames")
    names = {index: text_of(frame, "name") for index, frame in enumerate(frames)}
    profiles = objects_of(file, "profiles")
    if len(profiles) > _MAX_PROFILES:
        raise invalid_argument(f"the file has more than {_MAX_PROFILES} profiles")
    make = _Maker(request=request, names=names, several=len(profiles) > 1, budgets=StackBudgets())
    return upload_of_profiles(request, [*itertools.starmap(make.profile, _merged(profiles, names).items())])


def _merged(profiles: Sequence[Mapping[str, object]], names: Mapping[int, str]) -> dict[_Key, Sums]:
    sums_by_key: dict[_Key, Sums] = {}
    frames_room = StackBudgets().frames
    for profile in profiles:
        key = _Key(
            name=text_of(profile, "name"),
            type=text_of(profile, "type"),
            unit=text_of(profile, "unit"),
            start=number_of(profile, "startValue"),
        )
        if key.unit not in _RATES:
            raise invalid_argument(f"unknown unit '{shown(key.unit)}'")
        if key.type not in _ADDERS:
            raise invalid_argument(f"profile type '{shown(key.type)}' is not supported")
        _ADDERS[key.type](profile, names, sums_by_key.setdefault(key, {}), frames_room)
    return sums_by_key


@dataclass(frozen=True, slots=True, kw_only=True)
class _Maker:
    """Builds the profiles of one file; `several` if it has more than one."""

    request: IngestRequest
    names: Mapping[int, str]
    several: bool
    budgets: StackBudgets

    def profile(self, key: _Key, sums: Sums) -> IncomingProfile:
        """Builds one profile. Values are converted to time if the sample type is a time."""
        request = self.request
        is_default = request.sample_rate == DEFAULT_SAMPLE_RATE
        rate = _RATES[key.unit] if is_default else request.sample_rate
        service, sample_type = read_app_name(self._app_name(key.unit), rate)
        factor = 1 if key.unit == _BYTES else _PRECISION
        if sample_type.period_ns:
            # A hundredth of a nanosecond is less than the shortest period, which is one nanosecond.
            factor = factor * NS_PER_S // rate if is_default else factor * sample_type.period_ns
        stacks = _stacks(sums, self.names, factor)
        labels = {"profile_name": key.name} if key.name else {}
        return stack_profile(request, service, sample_type, stacks, self.budgets, labels)

    def _app_name(self, unit: str) -> str:
        """Returns the name with the unit as its ending if there are several profiles, or if bytes lack an ending."""
        app_name = self.request.app_name
        if self.several or (unit == _BYTES and "." not in app_name):
            return f"{app_name}.{unit}"
        return app_name


def _stacks(sums: Sums, names: Mapping[int, str], factor: int) -> Iterator[Stack]:
    for frames, weight in sums.items():
        value = round(weight * factor)
        if value:
            yield [*map(names.__getitem__, frames)], value
