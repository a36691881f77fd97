"""Profiles of the qryn tests, and rows as each of its writers makes them."""

import time
from typing import Final

from flamehouse.pb.profile_pb2 import Profile
from tests.support.qryn.rows import InputRow, input_row, tree_of
from tests.support.uploads.otlp import Export
from tests.support.uploads.profiles import pprof_of, sample

DAY_MS: Final = 86_400_000
GO_CPU: Final = (("samples", "count"), ("cpu", "nanoseconds"))
NOON_MS: Final = (time.time_ns() // 10**6 // DAY_MS - 3) * DAY_MS + DAY_MS // 2
"""Noon in UTC, three days ago."""
_MEMORY: Final = (("alloc_objects", "count"), ("alloc_space", "bytes"))
_SECOND_MS: Final = 1_000


def go_cpu(at_ms: int = NOON_MS, *stacks: str, value: int = 1) -> Profile:
    """Returns a CPU profile of stacks of one-letter functions, with this many samples of ten milliseconds each."""
    samples = [sample(stack, value, value * 10_000_000) for stack in stacks or ("ab", "ac")]
    return pprof_of(samples, time_ms=at_ms, types=GO_CPU)


def of_one_type(type_: str, unit: str = "count") -> Profile:
    """Returns a profile of value seven, whose period type is its sample type."""
    return pprof_of([sample("ab", 7)], time_ms=NOON_MS, types=((type_, unit),))


def otlp_row(service: str, at_ms: int = NOON_MS) -> InputRow:
    """Returns a row of gigapipe's OTLP endpoint: counts of CPU samples, with a period in nanoseconds."""
    export = Export()
    export.add(export.profile(export.sample(values=[3])), resource={"service.name": service})
    count = (("samples", "count"),)
    summed = pprof_of([sample(("main", "work"), 3)], time_ms=at_ms, types=count, period=GO_CPU[1])
    tree, functions = tree_of(summed, ["samples:count"])
    return input_row(
        summed,
        service,
        type="samples",
        payload_type="otel_v1development",
        payload=export.body,
        tree=tree,
        functions=functions,
    )


def rows_of_every_kind() -> list[InputRow]:
    """Returns valid and invalid rows of each writer, each with its own service."""
    memory = pprof_of([sample("ab", 2, 4_096)], time_ms=NOON_MS, types=_MEMORY, period=("space", "bytes"))
    of_jfr = go_cpu()
    of_jfr.period_type.Clear()
    of_jfr.time_nanos = 0
    jfr_row = input_row(go_cpu(), "jfr", payload=of_jfr.SerializeToString())
    return [
        input_row(go_cpu(), "go", [("env", "prod"), ("region", "eu")]),
        input_row(
            go_cpu(),
            "push",
            [("service_name", "push"), ("__name__", "x"), ("b", "2"), ("a", "1")],
            zipped=True,
        ),
        input_row(go_cpu(), "unreadable", payload=b"no pprof"),
        input_row(go_cpu(), "without payload", payload=b""),
        input_row(go_cpu(), "another payload", payload=go_cpu(value=9).SerializeToString()),
        input_row(go_cpu(), "without a tree", with_tree=False),
        input_row(go_cpu(), "in seconds", timestamp_ns=NOON_MS // _SECOND_MS, duration_ns=10),
        input_row(memory, "memory"),
        input_row(of_one_type("goroutine"), "goroutines"),
        input_row(of_one_type("threadcreate"), "threads"),
        input_row(go_cpu(), ""),
        input_row(
            go_cpu(),
            "tags",
            [("twice", "1"), ("twice", "2"), ("quoted", '"x"'), ("dotted.name", "y"), ("empty", "")],
        ),
        jfr_row,
        otlp_row("otlp"),
    ]
