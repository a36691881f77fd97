"""Converts a recording to profiles: joins the events of each chunk with the constants that they refer to."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from flamehouse.pb.jfr_pb2 import LabelsSnapshot
from ingest.formats.jfr.chunks import Chunk, read_chunks
from ingest.formats.jfr.constants import CLASS, METHOD, Constants
from ingest.formats.jfr.events import Samples, Settings, read_events
from ingest.formats.jfr.labels import SampleLabels
from ingest.formats.jfr.layout import Value
from ingest.formats.jfr.limits import Budgets
from ingest.formats.jfr.metadata import Classes, Metadata
from ingest.formats.jfr.profiles import Profiles
from ingest.formats.jfr.symbols import normal_name
from ingest.profile.pprof import shorten

_EVENT: Final = "event"
"""The setting that has the profiler's sampling mode: `cpu`, `itimer` or `wall`."""
_NOWHERE: Final = 0


@dataclass(slots=True, kw_only=True)
class Recording:
    """The profiles, and the profiler's sampling mode (empty if the recording lacks it)."""

    profiles: Profiles
    sampled: str = ""


def read_recording(data: bytes, labels: LabelsSnapshot, period_ns: int) -> Recording:
    """Reads a recording of any number of chunks. Raises RpcError(INVALID_ARGUMENT) for a damaged one."""
    budgets = Budgets()
    recording = Recording(profiles=Profiles(budgets))
    sample_labels = SampleLabels(labels)
    metadata = Metadata(budgets)
    for chunk in read_chunks(data, budgets):
        _add_chunk(recording, chunk, metadata.classes(chunk), sample_labels, period_ns)
    return recording


def _add_chunk(
    recording: Recording, chunk: Chunk, classes: Classes, labels: SampleLabels, period_ns: int
) -> None:
    found = read_events(chunk, classes)
    constants = Constants(chunk, classes)
    wanted = set[int]().union(*(samples.stacktraces for samples in found.samples))
    for checkpoint in found.checkpoints:
        constants.read(checkpoint, wanted)
    recording.sampled = _sampled(found.settings, constants) or recording.sampled
    stacks = _Stacks(constants, recording.profiles)
    for samples in found.samples:
        _add_samples(recording, samples, stacks, labels, period_ns)


def _sampled(settings: Iterable[Settings], constants: Constants) -> str:
    named = (pair for each in settings for pair in each.values.items())
    values = [constants.decode(value) for name, value in named if constants.decode(name) == _EVENT]
    return values[-1] if values else ""


def _add_samples(
    recording: Recording, samples: Samples, stacks: "_Stacks", labels: SampleLabels, period_ns: int
) -> None:
    """Adds the samples of one class of events, except those whose stack trace is missing from the chunk."""
    # A class without the field `state` does not record sleeping threads.
    states: dict[int | None, str | None] = {None: ""}
    for sample, count, amount in samples.counted():
        stack = stacks.get(sample.stacktrace)
        if stack is None:
            continue
        if sample.state not in states:
            states[sample.state] = stacks.constants.text(samples.class_name, "state", sample.state)
        state = states[sample.state]
        for kind, counts in samples.event.into:
            if counts(state, recording.sampled):
                recording.profiles.add(kind, stack, labels.of(sample), kind.values(count, amount, period_ns))


class _Stacks:
    """The stacks of a chunk by stack trace number. Each stack, frame and method is resolved once."""

    def __init__(self, constants: Constants, profiles: Profiles) -> None:
        self.constants = constants
        self._profiles = profiles
        self._stacks: dict[int, int | None] = {}
        self._locations = _Locations(self)
        self._functions: dict[int, int] = {}
        self._names: dict[tuple[str, Value], str] = {}

    def get(self, number: int) -> int | None:
        """Returns the stack's number among the stacks of all chunks; None if the chunk lacks the stack trace.

        Frames of unknown methods are omitted.
        """
        if number not in self._stacks:
            self._stacks[number] = self._resolve(number)
        return self._stacks[number]

    def location(self, method: int, line: int) -> int:
        """Returns the id of a frame's location; `_NOWHERE` if the method is missing from the chunk."""
        function = self._functions.get(method)
        if function is None:
            function = self._functions[method] = self._function(method)
        return function and self._profiles.location(function, line)

    def _resolve(self, number: int) -> int | None:
        frames = self.constants.frames(number)
        if frames is None:
            return None
        return self._profiles.stack(filter(None, map(self._locations.__getitem__, zip(*frames, strict=True))))

    def _function(self, method: int) -> int:
        constants = self.constants
        row = constants.row(METHOD, method)
        class_ = None if row is None else constants.row(CLASS, _number(row[0]))
        if row is None or class_ is None:
            return _NOWHERE
        return self._profiles.function(self._name(CLASS, class_[0]), self._name(METHOD, row[1]))

    def _name(self, class_name: str, value: Value) -> str:
        """Returns the name of a class or method."""
        name = self._names.get((class_name, value))
        if name is None:
            name = normal_name(shorten(self.constants.text(class_name, "name", value) or ""))
            self._names[class_name, value] = name
        return name


class _Locations(dict[tuple[int, int], int]):
    """Location ids of frames, by method and line."""

    def __init__(self, stacks: _Stacks) -> None:
        super().__init__()
        self._stacks = stacks

    def __missing__(self, frame: tuple[int, int]) -> int:
        location = self[frame] = self._stacks.location(*frame)
        return location


def _number(value: Value) -> int:
    return value if isinstance(value, int) else _NOWHERE
