"""Measures deep stacks and many series: the time of a flame graph, and the peak memory of its process."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import batched
from pathlib import Path

from bench.isolated import data_folder, in_new_process, peak_memory
from bench.ours import Flamehouse
from bench.plan import Plan
from bench.report import Line, mb
from bench.timing import Call, Times, time_calls
from bench.workload import Shape, an_hour, draw_profiles, make_services

_DATABASE = "ours"
_STEP_S = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """The times of a flame graph and of series, and the peak memory before and after in bytes."""

    flamegraph: Times
    series: Times
    memory_before: int
    memory: int


def measure(plan: Plan) -> Sequence[Line]:
    """Load each case in one process and query it in another, so that its peak memory is that of the query."""
    return [
        line
        for name, (shape, profiles) in _cases(plan).items()
        for line in _case(plan, name, shape, profiles)
    ]


def _cases(plan: Plan) -> dict[str, tuple[Shape, int]]:
    """Return the workloads and their numbers of profiles, by name."""
    one = Shape(services=1, stacks=plan.stacks, drawn=plan.drawn)
    deep = {depth: replace(one, shallowest=depth * 9 // 10, deepest=depth) for depth in (200, 1_000)}
    pods = replace(one, drawn=plan.drawn_per_pod, pods=plan.pods)
    return {
        **{f"depth {depth}": (shape, plan.deep_profiles) for depth, shape in deep.items()},
        f"{plan.pods} series": (pods, plan.pods * plan.profiles_per_pod),
    }


def _case(plan: Plan, name: str, shape: Shape, profiles: int) -> list[Line]:
    with data_folder() as folder:
        in_new_process(_load, folder, shape, profiles, plan.group)
        outcome = in_new_process(_ask, folder, plan.repeats)
    peak = f"peak memory {mb(outcome.memory)}, {mb(outcome.memory_before)} before"
    return [
        Line(what=f"flame graph, {name}, {profiles} profiles", ours=str(outcome.flamegraph), beside=peak),
        Line(what=f"SelectSeries by pod, {name}", ours=str(outcome.series)),
    ]


def _load(folder: Path, shape: Shape, profiles: int, group: int) -> None:
    ours = Flamehouse(folder, _DATABASE)
    for drawn in batched(draw_profiles(make_services(shape), profiles), group, strict=False):
        ours.insert(drawn)
    ours.close()


def _ask(folder: Path, repeats: int) -> _Outcome:
    ours = Flamehouse(folder, _DATABASE)
    ours.profile_types(an_hour(0))
    memory_before = peak_memory()
    calls: dict[str, Call] = {
        "flamegraph": lambda i: ours.flamegraph(an_hour(i), None),
        "series": lambda i: ours.series(an_hour(i), _STEP_S, "pod"),
    }
    times = time_calls(calls, repeats)
    ours.close()
    return _Outcome(memory=peak_memory(), memory_before=memory_before, **times)
