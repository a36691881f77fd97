"""Measures the worker built for AWS: batches, a cold start, and the memory for the largest drop."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import mean, median
from typing import Final

from bench.isolated import data_folder
from bench.plan import Plan
from bench.report import Line, mb
from bench.stack import BUILD, WORKER, Invoked, Stack, stack
from flamehouse.pb.profile_pb2 import Function, Location, Profile, Sample, ValueType
from flamehouse.pb.profile_pb2 import Line as Written
from tools.gateway.cloud import cloud

_BATCHES: Final = (1, 10, 100)
_FRAMES: Final = 10
_FUNCTIONS: Final = 2
"""Functions per sample of the largest drop, which has 2 million frames and 400,000 functions in total."""
_NAME: Final = "com.example.warehouse.shipping.Label{}.printOnPaper"


def measure(plan: Plan) -> Sequence[Line]:
    """Deploy on this machine and measure; return a hint if there is no bundle."""
    if not BUILD.is_dir():
        return [Line(what="not measured: run make bundle", ours="")]
    with (
        data_folder() as folder,
        cloud(BUILD, folder, retention_days=0) as deployed,
        stack(deployed, folder) as running,
    ):
        return [*_batches(running, plan), _cold(running, plan), _largest(running, plan)]


def _batches(running: Stack, plan: Plan) -> Iterator[Line]:
    rounds: dict[int, list[Invoked]] = {size: [] for size in _BATCHES}
    _stored(running, 1)
    for _ in range(plan.repeats):
        for size, invoked in rounds.items():
            invoked.append(_stored(running, size))
    for size, invoked in rounds.items():
        ms = [each.ms / size for each in invoked]
        cpu_ms = mean(each.cpu_ms for each in invoked) / size
        yield Line(
            what=f"batches of {size}",
            ours=f"{1_000 / min(ms):.1f} / {1_000 / median(ms):.1f} uploads a second",
            beside=f"{cpu_ms:.1f} ms of CPU an upload, {invoked[-1].statements.total()} statements a batch",
        )


def _cold(running: Stack, plan: Plan) -> Line:
    invoked = []
    for _ in range(plan.repeats):
        running.functions.restart()
        invoked.append(_stored(running, 1))
    ms, cpu_ms = [each.ms for each in invoked], [each.cpu_ms for each in invoked]
    return Line(
        what="cold start with an upload",
        ours=f"{min(ms):.0f} / {median(ms):.0f} ms",
        beside=f"{min(cpu_ms):.0f} / {median(cpu_ms):.0f} ms of CPU",
    )


def _largest(running: Stack, plan: Plan) -> Line:
    """Measure the peak memory of a new process while it stores the largest drop."""
    running.functions.restart()
    content = _large_drop(200_000 if plan.repeats > 2 else 2_000)
    invoked = _checked(running, running.invoke(WORKER, running.drop(content)))
    status = Path(f"/proc/{running.pid(WORKER)}/status").read_text().splitlines()
    peak_kib = int(next(line for line in status if line.startswith("VmHWM:")).split()[1])
    return Line(
        what=f"a drop of {mb(len(content))}",
        ours=f"{invoked.ms / 1_000:.1f} s, {invoked.cpu_ms / 1_000:.1f} s of CPU",
        beside=f"peak memory {mb(peak_kib << 10)}",
    )


def _stored(running: Stack, uploads: int) -> Invoked:
    return _checked(running, running.invoke(WORKER, running.stage(uploads)))


def _checked(running: Stack, invoked: Invoked) -> Invoked:
    """Return the invocation. Raises RuntimeError if it has not stored everything."""
    if running.quarantined or invoked.answer["batchItemFailures"]:
        raise RuntimeError(running.functions.printed()[-2_000:])
    return invoked


def _large_drop(samples: int) -> bytes:
    """Return a profile of `samples` samples, each with a stack of ten from twice as many functions."""
    functions = range(1, samples * _FUNCTIONS + 1)
    profile = Profile(
        string_table=["", "cpu", "nanoseconds", *(_NAME.format(f"{id_:0>60}") for id_ in functions)],
        sample_type=[ValueType(type=1, unit=2)],
        period_type=ValueType(type=1, unit=2),
        period=1,
        time_nanos=1_767_780_007_250_000_000,
    )
    profile.function.extend(Function(id=id_, name=id_ + 2, system_name=id_ + 2) for id_ in functions)
    profile.location.extend(Location(id=id_, line=[Written(function_id=id_, line=9)]) for id_ in functions)
    count = len(functions)
    profile.sample.extend(
        Sample(location_id=[1 + (n * 7 + depth * 13) % count for depth in range(_FRAMES)], value=[1])
        for n in range(samples)
    )
    return profile.SerializeToString()
