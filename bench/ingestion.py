"""Measures the cost of an ingested profile: CPU of parsing and of the INSERT, alone and in groups, and parts.

CPU is that of the whole process, including the engine's threads, while merges are stopped; merging has its own line.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import batched, count, islice
from pathlib import Path
from time import process_time

from bench.engine import Engine
from bench.isolated import data_folder, in_new_process
from bench.ours import Flamehouse
from bench.plan import Plan
from bench.report import Line
from bench.workload import Shape, make_services, push_request
from flamehouse.model.profile import Upload

_DATABASE = "ours"
_WARM_ROUNDS = 12
"""The number of profiles per service before the measurement; most symbols are known after them."""
_PYROSCOPE_MS = 30
_AT_MOST_MS = 15


def measure(plan: Plan) -> Sequence[Line]:
    """Measure the normal case: uploads of one profile each from known services."""
    with data_folder() as folder:
        return in_new_process(_measure, plan, folder)


def _measure(plan: Plan, folder: Path) -> list[Line]:
    engine = Engine(folder)
    ours = Flamehouse(folder, _DATABASE)
    bodies = _bodies(plan)
    with engine.merges_stopped():
        first, first_ms = _parse(ours, islice(bodies, plan.services))
        _cpu_ms(ours.store, first)
        for _ in range(_WARM_ROUNDS - 1):
            seen, _ = _parse(ours, islice(bodies, plan.services))
            _cpu_ms(ours.store, seen)
        lone, parse_ms = _parse(ours, islice(bodies, plan.lone_uploads))
        members, _ = _parse(ours, islice(bodies, plan.groups * plan.group))
        groups = [*batched(members, plan.group, strict=True)]
        counts = [engine.parts_of(_DATABASE)]
        lone_ms = _cpu_ms(ours.store, lone)
        counts.append(engine.parts_of(_DATABASE))
        group_ms = _cpu_ms(ours.store_together, groups) / plan.group
        counts.append(engine.parts_of(_DATABASE))
    merge_ms = _cpu_ms(engine.merge_all, [_DATABASE]) / (len(lone) + len(members))
    ours.close()
    return [
        Line(what="CPU per profile: parsing the first of each service", ours=f"{first_ms:.1f} ms"),
        *_cpu_lines(plan, parse_ms, lone_ms, group_ms, merge_ms),
        _parts_line("parts per single upload", counts[0], counts[1], len(lone)),
        _parts_line(f"parts per group of {plan.group}", counts[1], counts[2], len(groups)),
    ]


def _bodies(plan: Plan) -> Iterator[bytes]:
    """Yield push requests endlessly, from each service in turn."""
    services = make_services(Shape(services=plan.services, stacks=plan.stacks, drawn=plan.drawn))
    return (push_request([service.draw(index)]) for index in count() for service in services)


def _parse(ours: Flamehouse, bodies: Iterator[bytes]) -> tuple[list[Upload], float]:
    """Return the uploads, and the CPU time per upload, excluding the generation of its body."""
    sent, uploads = [*bodies], []
    cpu_ms = _cpu_ms(lambda body: uploads.append(ours.parse(body)), sent)
    return uploads, cpu_ms


def _cpu_ms[Item](call: Callable[[Item], object], items: Sequence[Item]) -> float:
    """Return the milliseconds of CPU per item."""
    before = process_time()
    for item in items:
        call(item)
    return (process_time() - before) * 1_000 / len(items)


def _cpu_lines(
    plan: Plan, parse_ms: float, lone_ms: float, group_ms: float, merge_ms: float
) -> Iterator[Line]:
    yield Line(what="CPU per profile: parsing", ours=f"{parse_ms:.1f} ms")
    yield Line(what="CPU per profile: insert, one at a time", ours=f"{lone_ms:.1f} ms")
    yield Line(what=f"CPU per profile: insert, in groups of {plan.group}", ours=f"{group_ms:.1f} ms")
    yield Line(
        what=f"CPU per profile: both, in groups of {plan.group}",
        ours=f"{parse_ms + group_ms:.1f} ms",
        beside=f"{_PYROSCOPE_MS} ms Pyroscope",
        figure=parse_ms + group_ms,
        at_most=_AT_MOST_MS,
    )
    yield Line(what="CPU per profile: merges afterwards", ours=f"{merge_ms:.1f} ms")


def _parts_line(what: str, before: Mapping[str, int], after: Mapping[str, int], inserts: int) -> Line:
    made = {table: (parts - before.get(table, 0)) / inserts for table, parts in after.items()}
    tables = ", ".join(f"{table} {parts:g}" for table, parts in made.items() if parts)
    return Line(what=what, ours=f"{sum(made.values()):g}", beside=tables)
