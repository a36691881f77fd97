"""Measures flame graphs, series and bytes of an hour of profiles, compared with qryn's in the same engine."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import batched
from pathlib import Path

from bench.engine import Engine
from bench.isolated import data_folder, in_new_process
from bench.ours import Flamehouse
from bench.plan import Plan
from bench.qryn import Qryn
from bench.report import Line, mb
from bench.timing import Call, Times, time_calls
from bench.workload import CPU_PERIOD_NS, Shape, an_hour, draw_profiles, make_services

_STEP_S = 15
_SCOPES = {"one service": "service-01", "all services": None}
_AGAINST = {"qryn": "qryn", "bare": "qryn without payloads"}


def measure(plan: Plan) -> Sequence[Line]:
    """Load both workloads into each store, then query before and after merges."""
    with data_folder() as folder:
        return in_new_process(_measure, plan, folder)


def _measure(plan: Plan, folder: Path) -> list[Line]:
    engine = Engine(folder)
    stores = [Stores(engine, folder, plan, profiles) for profiles in (plan.short, plan.long)]
    with engine.merges_stopped():
        for store in stores:
            store.load()
        lines = [*_lines(plan, stores, "before merges")]
    for store in stores:
        store.merge()
    return [*lines, *_lines(plan, stores, "after merges")]


class Stores:
    """The same profiles in our tables, in qryn's, and in qryn's without payloads."""

    def __init__(self, engine: Engine, folder: Path, plan: Plan, profiles: int) -> None:
        self._engine = engine
        self._plan = plan
        self.profiles = profiles
        self.databases = {name: f"{name}_{profiles}" for name in ("ours", "qryn", "bare")}
        self.ours = Flamehouse(folder, self.databases["ours"])
        self.qryn = Qryn(engine.create(self.databases["qryn"]), payloads=True)
        self.bare = Qryn(engine.create(self.databases["bare"]), payloads=False)

    def load(self) -> None:
        """Store the workload, and check the total of a flame graph against it."""
        plan = self._plan
        shape = Shape(services=plan.services, stacks=plan.stacks, drawn=plan.drawn)
        hits = 0
        for group in batched(draw_profiles(make_services(shape), self.profiles), plan.group, strict=False):
            for store in (self.ours, self.qryn, self.bare):
                store.insert(group)
            hits += sum(int(drawn.counts.sum()) for drawn in group)
        stored = self.ours.total(an_hour(0), None)
        if stored != hits * CPU_PERIOD_NS:
            raise AssertionError(f"sent {hits * CPU_PERIOD_NS} ns, but the flame graph has {stored}")

    def merge(self) -> None:
        for database in self.databases.values():
            self._engine.merge_all(database)

    def bytes_of(self, name: str) -> int:
        return self._engine.bytes_of(self.databases[name])

    def flamegraph_calls(self, service: str | None) -> dict[str, Call]:
        """Return a flame graph call per store, by a name that is unique among the workloads."""
        return {
            self.databases["ours"]: lambda i: self.ours.flamegraph(an_hour(i), service),
            self.databases["qryn"]: lambda i: self.qryn.flamegraph(an_hour(i), service),
            self.databases["bare"]: lambda i: self.bare.flamegraph(an_hour(i), service),
        }

    def overview_calls(self) -> dict[str, Call]:
        """Return the other queries of a dashboard."""
        return {
            "flame graph": lambda i: self.ours.flamegraph(an_hour(i), None),
            "our series": lambda i: self.ours.series(an_hour(i), _STEP_S, "service_name"),
            "qryn's series": lambda i: self.qryn.series_by_service(an_hour(i), _STEP_S),
            "our types": lambda i: self.ours.profile_types(an_hour(i)),
            "qryn's types": lambda i: self.qryn.profile_types(an_hour(i)),
        }


def _lines(plan: Plan, stores: Sequence[Stores], stage: str) -> Iterator[Line]:
    for store in stores:
        yield from _byte_lines(store, f"{store.profiles} profiles each, {stage}")
    for scope, service in _SCOPES.items():
        calls = {name: call for store in stores for name, call in store.flamegraph_calls(service).items()}
        yield from _flamegraph_lines(stores, time_calls(calls, plan.repeats), f"of {scope}, {stage}")
    yield from _overview_lines(time_calls(stores[-1].overview_calls(), plan.repeats), stage)


def _byte_lines(store: Stores, what: str) -> Iterator[Line]:
    ours = store.bytes_of("ours")
    for name, against in _AGAINST.items():
        theirs = store.bytes_of(name)
        yield Line(
            what=f"bytes, {what}",
            ours=mb(ours),
            beside=f"{mb(theirs)} {against}",
            figure=theirs / ours,
            at_least=8,
        )


def _flamegraph_lines(stores: Sequence[Stores], times: Mapping[str, Times], what: str) -> Iterator[Line]:
    for store in stores:
        ours = times[store.databases["ours"]]
        for name, against in _AGAINST.items():
            theirs = times[store.databases[name]]
            yield Line(
                what=f"flame graph {what}, {store.profiles} profiles each",
                ours=str(ours),
                beside=f"{theirs} {against}",
                figure=theirs.least / ours.least,
                at_least=5,
            )
    few, many = (times[store.databases["ours"]] for store in (stores[0], stores[-1]))
    yield Line(
        what=f"growth of the flame graph {what}",
        ours=str(many),
        beside=f"{few} for {stores[0].profiles} profiles",
        figure=many.least / few.least,
        at_most=2,
    )


def _overview_lines(times: Mapping[str, Times], stage: str) -> Iterator[Line]:
    series, flamegraph = times["our series"], times["flame graph"]
    yield Line(
        what=f"SelectSeries by service, all services, {stage}",
        ours=str(series),
        beside=f"{flamegraph} flame graph",
        figure=series.least / flamegraph.least,
        at_most=0.1,
    )
    yield Line(
        what=f"... compared with qryn's, {stage}", ours=str(series), beside=str(times["qryn's series"])
    )
    yield Line(
        what=f"ProfileTypes, {stage}", ours=str(times["our types"]), beside=f"{times["qryn's types"]} qryn"
    )
