"""Measures each RPC relative to the flame graph of all services, and its growth with the number of profiles."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import batched
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import Message

from bench.engine import Engine
from bench.isolated import data_folder, in_new_process
from bench.ours import Flamehouse
from bench.plan import Plan
from bench.report import Line
from bench.timing import Call, Times, time_calls
from bench.workload import PROFILE_TYPE, Service, Shape, an_hour, draw_profiles, make_services
from flamehouse.model.time_range import TimeRange
from flamehouse.pb.querier_pb2 import (
    AnalyzeQueryRequest,
    DiffRequest,
    ProfileTypesRequest,
    SelectHeatmapRequest,
    SelectMergeProfileRequest,
    SelectMergeSpanProfileRequest,
    SelectMergeStacktracesRequest,
    SelectSeriesRequest,
    SeriesRequest,
)
from flamehouse.pb.types_pb2 import GetProfileStatsRequest, LabelNamesRequest, LabelValuesRequest

type Fields = dict[str, Any]
"""The fields of a request in JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rpc:
    """A request to an RPC, and its targets: time relative to a flame graph, and growth with four times the profiles."""

    request: type[Message]
    fields: Callable[[TimeRange], Fields]
    of_flamegraph: float | None = None
    growth: float | None = None

    def ask(self, ours: Flamehouse, within: TimeRange) -> bytes:
        rpc = self.request.__name__.removesuffix("Request")
        return ours.ask(rpc, json_format.ParseDict(self.fields(within), self.request()))


def _hour(within: TimeRange, **more: object) -> Fields:
    return {"start": within.start_ms, "end": within.end_ms, **more}


def _selected(within: TimeRange, **more: object) -> Fields:
    return _hour(within, profileTypeID=PROFILE_TYPE, labelSelector="{}", **more)


def _series(within: TimeRange, **more: object) -> Fields:
    return _selected(within, step=15, groupBy=["service_name"], **more)


def _heatmap(kind: str, within: TimeRange, **more: object) -> Fields:
    """Return fields for 60 slots; Grafana requests at most 64."""
    query_type = f"HEATMAP_QUERY_TYPE_{kind}"
    return _selected(within, step=60, groupBy=["service_name"], queryType=query_type, **more)


def _halves(within: TimeRange) -> Fields:
    middle = within.start_ms + within.length_ms // 2
    left = TimeRange(start_ms=within.start_ms, end_ms=middle)
    return {"left": _selected(left), "right": _selected(TimeRange(start_ms=middle, end_ms=within.end_ms))}


_FLAMEGRAPH = "flame graph"
_MERGED = Rpc(request=SelectMergeStacktracesRequest, fields=_selected)


def rpcs_of(service: Service) -> Mapping[str, Rpc]:
    """Return the requests by name; `service` is one of the selected services."""
    program = service.program
    root = program.functions[program.frame_function[program.stacks[0][0]]].name
    call_site = {"callSite": [{"name": root}]}
    return {
        _FLAMEGRAPH: _MERGED,
        "ProfileTypes": Rpc(request=ProfileTypesRequest, fields=_hour, growth=1.5),
        "LabelNames": Rpc(request=LabelNamesRequest, fields=_hour, growth=1.5),
        "LabelValues": Rpc(
            request=LabelValuesRequest, fields=partial(_hour, name="service_name"), growth=1.5
        ),
        "Series": Rpc(
            request=SeriesRequest,
            fields=partial(_hour, labelNames=["service_name", "__profile_type__"]),
            growth=1.5,
        ),
        "Series of all labels": Rpc(request=SeriesRequest, fields=_hour, growth=1.5),
        "GetProfileStats": Rpc(request=GetProfileStatsRequest, fields=lambda _: {}),
        "AnalyzeQuery": Rpc(request=AnalyzeQueryRequest, fields=partial(_hour, query=f"{PROFILE_TYPE}{{}}")),
        "SelectSeries": Rpc(request=SelectSeriesRequest, fields=_series),
        "SelectSeries, exemplars": Rpc(
            request=SelectSeriesRequest, fields=partial(_series, exemplarType="EXEMPLAR_TYPE_INDIVIDUAL")
        ),
        "SelectSeries, a call site": Rpc(
            request=SelectSeriesRequest, fields=partial(_series, stackTraceSelector=call_site)
        ),
        "SelectHeatmap": Rpc(request=SelectHeatmapRequest, fields=partial(_heatmap, "INDIVIDUAL")),
        "SelectHeatmap, exemplars": Rpc(
            request=SelectHeatmapRequest,
            fields=partial(_heatmap, "INDIVIDUAL", exemplarType="EXEMPLAR_TYPE_INDIVIDUAL"),
        ),
        "SelectMergeStacktraces, TREE": Rpc(
            request=SelectMergeStacktracesRequest, fields=partial(_selected, format="PROFILE_FORMAT_TREE")
        ),
        "SelectMergeStacktraces, DOT": Rpc(
            request=SelectMergeStacktracesRequest, fields=partial(_selected, format="PROFILE_FORMAT_DOT")
        ),
        "SelectMergeProfile": Rpc(request=SelectMergeProfileRequest, fields=_selected, of_flamegraph=2),
        "SelectMergeProfile, 500 nodes": Rpc(
            request=SelectMergeProfileRequest, fields=partial(_selected, maxNodes=500)
        ),
        "Diff, half an hour each": Rpc(request=DiffRequest, fields=_halves, of_flamegraph=2.5),
    }


def rpcs_of_spans(service: Service) -> Mapping[str, Rpc]:
    """Return the requests about spans by name."""
    (span,) = service.draw(0).span_ids[:1]
    return {
        _FLAMEGRAPH: _MERGED,
        "SelectMergeSpanProfile, one span": Rpc(
            request=SelectMergeSpanProfileRequest, fields=partial(_selected, spanSelector=[span])
        ),
        "SelectSeries, exemplars of spans": Rpc(
            request=SelectSeriesRequest, fields=partial(_series, exemplarType="EXEMPLAR_TYPE_SPAN")
        ),
        "SelectHeatmap of spans, exemplars": Rpc(
            request=SelectHeatmapRequest, fields=partial(_heatmap, "SPAN", exemplarType="EXEMPLAR_TYPE_SPAN")
        ),
    }


def measure(plan: Plan) -> Sequence[Line]:
    """Load the workload in two sizes, and once with spans; query before and after merges."""
    with data_folder() as folder:
        return in_new_process(_measure, plan, folder)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Loaded:
    """A stored workload, and its requests."""

    ours: Flamehouse
    profiles: int
    rpcs: Mapping[str, Rpc]

    def calls(self) -> dict[str, Call]:
        """Return a call per request; each repetition queries a shifted hour with the same profiles."""
        return {name: self._call(rpc) for name, rpc in self.rpcs.items()}

    def _call(self, rpc: Rpc) -> Call:
        return lambda i: rpc.ask(self.ours, an_hour(i))


def _measure(plan: Plan, folder: Path) -> list[Line]:
    engine = Engine(folder)
    lines: list[Line] = []
    with engine.merges_stopped():
        few, many = (_load(plan, folder, profiles, 0) for profiles in (plan.short, plan.long))
        spans = _load(plan, folder, plan.short, plan.spans)
        lines += _lines(plan, few, many, spans, "before merges")
    for loaded in (few, many, spans):
        engine.merge_all(loaded.ours.database)
    return [*lines, *_lines(plan, few, many, spans, "after merges")]


def _load(plan: Plan, folder: Path, profiles: int, spans: int) -> _Loaded:
    ours = Flamehouse(folder, f"ours_{profiles}_{spans}")
    services = make_services(Shape(services=plan.services, stacks=plan.stacks, drawn=plan.drawn, spans=spans))
    for group in batched(draw_profiles(services, profiles), plan.group, strict=False):
        ours.insert(group)
    rpcs = rpcs_of_spans(services[0]) if spans else rpcs_of(services[0])
    return _Loaded(ours=ours, profiles=profiles, rpcs=rpcs)


def _lines(plan: Plan, few: _Loaded, many: _Loaded, spans: _Loaded, stage: str) -> Iterator[Line]:
    of_few = {f"{name} of few": call for name, call in few.calls().items() if few.rpcs[name].growth}
    times = time_calls({**many.calls(), **of_few}, plan.repeats)
    yield from _beside_flamegraph(many, times, stage)
    for name, rpc in many.rpcs.items():
        if rpc.growth is not None:
            smaller = times[f"{name} of few"]
            yield Line(
                what=f"growth of {name}, {stage}",
                ours=str(times[name]),
                beside=f"{smaller} for {few.profiles} profiles each",
                figure=times[name].least / smaller.least,
                at_most=rpc.growth,
            )
    yield from _beside_flamegraph(spans, time_calls(spans.calls(), plan.repeats), stage)


def _beside_flamegraph(loaded: _Loaded, times: Mapping[str, Times], stage: str) -> Iterator[Line]:
    flamegraph = times[_FLAMEGRAPH]
    for name, rpc in loaded.rpcs.items():
        if rpc is not _MERGED:
            yield Line(
                what=f"{name}, {loaded.profiles} profiles each, {stage}",
                ours=str(times[name]),
                beside=f"{flamegraph} {_FLAMEGRAPH}",
                figure=times[name].least / flamegraph.least,
                at_most=rpc.of_flamegraph,
            )
