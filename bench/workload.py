"""The workload: services that send a CPU profile every 15 seconds, with the same bytes in every run.

A profile has 1,000 distinct stacks, drawn without replacement from its service's 5,000 by Zipf's weights
(exponent 0.7), so that it is as wide as possible. Each stack has at least one hit, and likely stacks have more. One
sample in five, independent of its stack, has a second label set. There is no inlining: qryn stores only the innermost
of inlined functions, and both stores should have equal trees.
"""

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bench.program import Program, make_program
from flamehouse.model.time_range import TimeRange
from flamehouse.pb import profile_pb2, push_pb2

START_NS = 1_767_780_007_250_000_000
"""Wednesday 2026-01-07 10:00:07.25 UTC: not aligned to any step; its hour lies within one day and one week."""
INTERVAL_NS = 15_000_000_000
CPU_PERIOD_NS = 10_000_000
SAMPLE_TYPES = (("samples", "count"), ("cpu", "nanoseconds"))
PROFILE_TYPE = "process_cpu:cpu:nanoseconds:cpu:nanoseconds"
SERIES_NAME = "process_cpu"

ZIPF_EXPONENT = 0.7
LABELLED_SHARE = 0.2
IN_SPANS_SHARE = 0.2
SAMPLE_LABEL = ("endpoint", "/api/v1/checkout")
REPEATS = 2_000
"""Additional hits, distributed over all stacks of the service by weight."""
_ADDRESS_BASE = 0x400000


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The size of a workload. Each service has `pods` series, which take turns to send a profile.

    With `spans`, each profile has that many spans, and a fifth of its samples belong to one of them.
    """

    services: int = 10
    profiles: int = 60
    stacks: int = 5_000
    drawn: int = 1_000
    shallowest: int = 20
    deepest: int = 60
    pods: int = 1
    spans: int = 0
    interval_ns: int = INTERVAL_NS


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """One profile as stacks of its service, with the hits of each stack and whether it has the second label set.

    `spans` has the span number of each stack; -1 means no span.
    """

    service: "Service"
    index: int
    stacks: NDArray[np.int64]
    counts: NDArray[np.int64]
    labelled: NDArray[np.bool_]
    spans: NDArray[np.int64]

    @property
    def time_ns(self) -> int:
        return START_NS + self.service.offset_ns + self.index // self.service.pods * self.service.interval_ns

    @property
    def labels(self) -> dict[str, str]:
        """The labels of the profile's series, without sample labels."""
        pod = self.index % self.service.pods
        return {"service_name": self.service.name, "env": "prod", "pod": f"{self.service.name}-{pod:04d}"}

    @property
    def span_ids(self) -> list[str]:
        """The ids of the profile's spans, by span number."""
        first = (self.service.number + 1) << 48 | (self.index + 1) << 16
        return [f"{first + number:016x}" for number in range(self.service.spans)]

    @property
    def values(self) -> NDArray[np.int64]:
        """The values, with a row per stack and a column per sample type."""
        return np.stack((self.counts, self.counts * CPU_PERIOD_NS), axis=1)


class Service:
    """A profiled program, and the frequencies of its stacks."""

    def __init__(self, number: int, shape: Shape) -> None:
        self.name = f"service-{number:02d}"
        self.number = number
        self.pods = shape.pods
        self.spans = shape.spans
        self.drawn = shape.drawn
        self.interval_ns = shape.interval_ns
        self.offset_ns = number * 1_300_000_000
        self.program: Program = make_program(
            self.name, number, stacks=shape.stacks, shallowest=shape.shallowest, deepest=shape.deepest
        )
        weights = np.arange(1, shape.stacks + 1, dtype=np.float64) ** -ZIPF_EXPONENT
        self._weights = np.random.default_rng((number, 1)).permutation(weights / weights.sum())

    def draw(self, index: int) -> Drawn:
        """Return the profile with this index. Gumbel's trick draws a weighted sample without replacement."""
        rng = np.random.default_rng((self.number, 2, index))
        keys = np.log(self._weights) + rng.gumbel(size=len(self._weights))
        stacks = np.argsort(-keys, kind="stable")[: self.drawn]
        return Drawn(
            service=self,
            index=index,
            stacks=rng.permutation(stacks),
            counts=1 + rng.poisson(REPEATS * self._weights[stacks]),
            labelled=rng.random(self.drawn) < LABELLED_SHARE,
            spans=self._spans_of(rng),
        )

    def _spans_of(self, rng: np.random.Generator) -> NDArray[np.int64]:
        if not self.spans:
            return np.full(self.drawn, -1)
        in_spans = rng.random(self.drawn) < IN_SPANS_SHARE
        return np.where(in_spans, rng.integers(0, self.spans, self.drawn), -1)

    @cached_property
    def location_lists(self) -> list[list[int]]:
        """Return location ids per stack, leaf first, as in pprof: frame index + 1."""
        program = self.program
        return [
            (row[:depth][::-1] + 1).tolist()
            for row, depth in zip(program.stacks, program.depths, strict=True)
        ]

    @cached_property
    def encoded_locations(self) -> list[bytes]:
        """Return each frame's location as a serialized profile that contains nothing else."""
        owners, lines = self.program.frame_function.tolist(), self.program.frame_line.tolist()
        return [
            profile_pb2.Profile(
                location=[
                    profile_pb2.Location(
                        id=frame + 1,
                        mapping_id=1,
                        address=_ADDRESS_BASE + 64 * frame,
                        line=[profile_pb2.Line(function_id=owner + 1, line=line)],
                    )
                ]
            ).SerializeToString()
            for frame, (owner, line) in enumerate(zip(owners, lines, strict=True))
        ]


def an_hour(shift_ms: int) -> TimeRange:
    """Return the hour of the workload, not aligned to any step.

    A shift of some milliseconds selects the same profiles.
    """
    start_ms = START_NS // 1_000_000 - 2_000 + shift_ms
    return TimeRange(start_ms=start_ms, end_ms=start_ms + 3_600_000)


def make_services(shape: Shape) -> list[Service]:
    """Return the workload's services."""
    return [Service(number, shape) for number in range(shape.services)]


def draw_profiles(services: list[Service], profiles: int) -> Iterator[Drawn]:
    """Yield each service's profiles, in order of time."""
    for index in range(profiles):
        for service in services:
            yield service.draw(index)


def encode_pprof(drawn: Drawn) -> bytes:
    """Return the profile as a serialized pprof message that contains only the symbols of its samples."""
    program = drawn.service.program
    frames = _distinct(program.stacks[drawn.stacks])
    tail = profile_pb2.Profile(
        time_nanos=drawn.time_ns,
        duration_nanos=INTERVAL_NS,
        period=CPU_PERIOD_NS,
        string_table=(*_FIRST_STRINGS, *drawn.span_ids),
    )
    tail.period_type.CopyFrom(_CPU)
    for owner in _distinct(program.frame_function[frames]).tolist():
        function = program.functions[owner]
        name = len(tail.string_table)
        tail.string_table.extend((function.name, function.file))
        tail.function.add(
            id=owner + 1, name=name, system_name=name, filename=name + 1, start_line=function.start_line
        )
    locations = drawn.service.encoded_locations
    return b"".join(
        (_encode_samples(drawn), *(locations[frame] for frame in frames.tolist()), tail.SerializeToString())
    )


def push_request(profiles: list[Drawn]) -> bytes:
    """Return a push.v1 request with these profiles, each as a separate series of gzipped pprof, as agents send them."""
    request = push_pb2.PushRequest()
    for drawn in profiles:
        series = request.series.add()
        for name, value in {"__name__": SERIES_NAME, **drawn.labels}.items():
            series.labels.add(name=name, value=value)
        series.samples.add(raw_profile=gzip.compress(encode_pprof(drawn), compresslevel=1, mtime=0))
    return request.SerializeToString()


_FIRST_STRINGS = (
    "",
    *(word for pair in SAMPLE_TYPES for word in pair),
    *SAMPLE_LABEL,
    "/usr/local/bin/service",
    "span_id",
)
_SAMPLES = profile_pb2.ValueType(type=1, unit=2)
_CPU = profile_pb2.ValueType(type=3, unit=4)
_ENDPOINT = profile_pb2.Label(key=5, str=6)


def _distinct(indexes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the distinct indexes in ascending order, without -1."""
    return np.flatnonzero(np.bincount(indexes.ravel() + 1)[1:])


def _encode_samples(drawn: Drawn) -> bytes:
    head = profile_pb2.Profile(sample_type=[_SAMPLES, _CPU])
    head.mapping.add(
        id=1, memory_start=_ADDRESS_BASE, memory_limit=_ADDRESS_BASE << 2, filename=7, has_functions=True
    )
    location_lists = drawn.service.location_lists
    spans = [profile_pb2.Label(key=8, str=9 + number) for number in range(drawn.service.spans)]
    for stack, values, labelled, span in zip(
        drawn.stacks.tolist(),
        drawn.values.tolist(),
        drawn.labelled.tolist(),
        drawn.spans.tolist(),
        strict=True,
    ):
        labels = (*((_ENDPOINT,) if labelled else ()), *(() if span < 0 else (spans[span],)))
        head.sample.add(location_id=location_lists[stack], value=values, label=labels)
    return head.SerializeToString()
