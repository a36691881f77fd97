"""Measures queries over HTTP to the local server, compared with a recorded run of Grafana Pyroscope.

Pyroscope 3fe6a45 (2026-08-21, single binary, storage v2) ran on the same kind of machine: two cores, JSON and gzip,
compacted blocks. It had an hour of profiles of 10 services, one every 15 s: 1,000 stacks per profile, 20 to 60 frames
deep, two sample types.
"""

import statistics
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import batched
from time import perf_counter
from typing import Final

from bench import days
from bench.floor import measure_select_floor
from bench.isolated import data_folder
from bench.plan import Plan
from bench.report import Line
from bench.served import QUERIER, Query, Served, lines_of, timed
from bench.workload import PROFILE_TYPE, Shape, an_hour, draw_profiles, make_services, push_request
from flamehouse.web.codec import PROTO
from tools.clickhouse_http.process import clickhouse_server
from tools.local_server import local_server

_CROWD: Final = 8


def _queries() -> dict[str, Query]:
    within = an_hour(0)
    hour = {"start": within.start_ms, "end": within.end_ms}
    one = {**hour, "profileTypeID": PROFILE_TYPE, "labelSelector": '{service_name="service-01"}'}
    every = {**one, "labelSelector": '{env="prod"}'}
    points = {"step": 15, "groupBy": ["service_name"]}
    tree, series = f"{QUERIER}SelectMergeStacktraces", f"{QUERIER}SelectSeries"
    return {
        "a bare response": Query(path="/version.v1.Version/Version", fields={}),
        "ProfileTypes": Query(path=f"{QUERIER}ProfileTypes", fields=hour, pyroscope="1.8 (1)", at_most=5),
        "LabelNames": Query(path=f"{QUERIER}LabelNames", fields=hour, pyroscope="3.0 (3)", at_most=5),
        "LabelValues": Query(
            path=f"{QUERIER}LabelValues",
            fields={**hour, "name": "service_name"},
            pyroscope="2.9 (2)",
            at_most=5,
        ),
        "SelectSeries, one service": Query(
            path=series, fields={**one, **points}, pyroscope="4.5 (5)", at_most=12
        ),
        "SelectSeries, all services": Query(
            path=series, fields={**every, **points}, pyroscope="33 (51)", at_most=30
        ),
        "flame graph, one service": Query(
            path=tree, fields=one, pyroscope="57.5 (110)", at_most=60, cpu_at_most=70
        ),
        "flame graph, one service, as protobuf": Query(path=tree, fields=one, media_type=PROTO.media_type),
        "flame graph, all services": Query(path=tree, fields=every, pyroscope="464 (878)", at_most=150),
    }


def measure(plan: Plan) -> Sequence[Line]:
    """Push the workload, and query it immediately and after merges: embedded, with ClickHouse over HTTP, then days."""
    return [*measure_select_floor(), *_measure_embedded(plan), *_measure_over_http(plan), *days.measure(plan)]


def _measure_embedded(plan: Plan) -> Sequence[Line]:
    with local_server(RETENTION_DAYS="0") as started:
        server = Served(started.url, started.pid)
        profiles = _push(server, plan)
        lines = _lines(server, plan, f"{profiles} profiles, right after the push")
        server.settle()
        return [*lines, *_lines(server, plan, f"{profiles} profiles, merged"), *_crowd(server, plan)]


def _measure_over_http(plan: Plan) -> Sequence[Line]:
    """Measure with ClickHouse in another process; its CPU does not count."""
    with (
        data_folder() as folder,
        clickhouse_server(folder) as clickhouse,
        local_server(RETENTION_DAYS="0", CLICKHOUSE_DSN=clickhouse.dsn) as started,
    ):
        server = Served(started.url, started.pid)
        profiles = _push(server, plan)
        server.settle()
        return _lines(server, plan, f"{profiles} profiles, ClickHouse over HTTP")


def _push(server: Served, plan: Plan) -> int:
    shape = Shape(services=plan.services, stacks=plan.drawn * 5 // 4, drawn=plan.drawn)
    groups = batched(draw_profiles(make_services(shape), plan.long), plan.group, strict=False)
    server.push(push_request([*group]) for group in groups)
    return plan.services * plan.long


def _lines(server: Served, plan: Plan, stage: str) -> list[Line]:
    """Run the queries in turns, so that other load on the machine affects all of them equally."""
    queries = _queries()
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in queries}
    for repeat in range(-1, 3 * plan.repeats):
        for name, query in queries.items():
            measured = timed(server, query)
            if repeat >= 0:
                taken[name].append(measured)
    floor = statistics.median(wall for wall, _ in taken["a bare response"])
    return [
        line for name, query in queries.items() for line in lines_of(name, query, taken[name], floor, stage)
    ]


def _crowd(server: Served, plan: Plan) -> list[Line]:
    """Measure flame graphs of one service by eight concurrent clients."""
    query = _queries()["flame graph, one service"]
    requests = 5 * _CROWD * plan.repeats
    with ThreadPoolExecutor(_CROWD) as pool:
        begun = perf_counter()
        taken = [*pool.map(lambda _: timed(server, query)[0], range(requests))]
        elapsed = perf_counter() - begun
    rate, late = requests / elapsed, statistics.quantiles(taken, n=20)[-1]
    return [
        Line(
            what=f"flame graphs of one service, {_CROWD} clients",
            ours=f"{rate:.1f} per second",
            beside="23.1 per second Pyroscope",
            figure=rate,
            at_least=25,
        ),
        Line(
            what="... 95th percentile",
            ours=f"{late:.0f} ms",
            beside="543 ms Pyroscope",
            figure=late,
            at_most=400,
        ),
    ]
