"""Measures flame graphs of up to three days of one service over HTTP, compared with a recorded run of Pyroscope.

Pyroscope had 4,320 profiles of 300 stacks, one per minute. The server's maintenance makes the roll-ups within a minute.
"""

import statistics
from collections.abc import Mapping, Sequence
from itertools import batched
from time import sleep
from typing import Final

from bench.plan import Plan
from bench.report import Line
from bench.served import QUERIER, Query, Served, lines_of, timed
from bench.workload import PROFILE_TYPE, Shape, an_hour, draw_profiles, make_services, push_request
from tools.local_server import local_server

_HOUR_MS: Final = 3_600_000
_HOURS: Final = 72
_GROUP: Final = 10
_STACKS: Final = 300
_PYROSCOPE: Final[Mapping[int, tuple[str, float | None]]] = {
    1: ("42 (55)", None),
    6: ("90 (143)", None),
    24: ("179 (340)", None),
    _HOURS: ("346 (642)", 100),
}
"""Pyroscope's median milliseconds (wall time and CPU) and our target, by hours."""


def measure(plan: Plan) -> Sequence[Line]:
    """Push three days, wait for their roll-ups, then run the queries of the last hours in turns."""
    profiles = _HOURS * plan.per_hour
    interval_ns = _HOUR_MS * 1_000_000 // plan.per_hour
    shape = Shape(services=1, stacks=_STACKS * 5, drawn=_STACKS, interval_ns=interval_ns)
    with local_server(RETENTION_DAYS="0") as started:
        server = Served(started.url, started.pid)
        drawn = draw_profiles(make_services(shape), profiles)
        server.push(push_request([*group]) for group in batched(drawn, _GROUP, strict=False))
        sleep(plan.maintenance_s)
        server.settle()
        queries = {hours: _query(hours) for hours in _PYROSCOPE}
        taken: dict[int, list[tuple[float, float]]] = {hours: [] for hours in queries}
        for repeat in range(-1, 3 * plan.repeats):
            for hours, query in queries.items():
                measured = timed(server, query)
                if repeat >= 0:
                    taken[hours].append(measured)
        floor = statistics.median(wall for wall, _ in taken[1])
    return [
        line
        for hours, query in queries.items()
        for line in lines_of(
            f"flame graph of {hours} h",
            query,
            taken[hours],
            floor,
            f"{profiles} profiles",
            "times that of 1 h",
        )
    ]


def _query(hours: int) -> Query:
    end = an_hour(0).start_ms + _HOURS * _HOUR_MS
    pyroscope, at_most = _PYROSCOPE[hours]
    fields = {
        "start": end - hours * _HOUR_MS,
        "end": end,
        "profileTypeID": PROFILE_TYPE,
        "labelSelector": '{service_name="service-00"}',
    }
    path = f"{QUERIER}SelectMergeStacktraces"
    return Query(path=path, fields=fields, pyroscope=pyroscope, at_most=at_most)
