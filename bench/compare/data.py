"""The data of a comparison: workloads of different shapes, each in its own tenant."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import batched

from bench.compare.side import Request, Side
from bench.plan import Plan
from bench.workload import Shape, draw_profiles, make_services, push_request
from flamehouse.web.codec import PROTO

PUSH = "/push.v1.PusherService/Push"
HOURS = 72
_HOUR_NS = 3_600_000_000_000
_AT_ONCE = 4
_MAX_PENDING = 16

PLAN = replace(Plan(), long=120, short=30, per_hour=20, deep_profiles=20, profiles_per_pod=2)
"""A quarter to half of the profiles of `python -m bench`: the older server may take long to store them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """A shape of data, and the number of profiles per service; a request has `group` profiles."""

    shape: Shape
    profiles: int
    group: int


def workloads(plan: Plan) -> Mapping[str, Workload]:
    """Return the workloads by tenant."""
    hour = Shape(services=plan.services, stacks=plan.stacks, drawn=plan.drawn)
    one = replace(hour, services=1)
    days = replace(one, stacks=plan.drawn * 3 // 2, drawn=plan.drawn * 3 // 10)
    sparse = replace(one, stacks=20, drawn=10, interval_ns=HOURS // 3 * _HOUR_NS)
    deep = {depth: replace(one, shallowest=depth * 9 // 10, deepest=depth) for depth in (200, 1_000)}
    return {
        "hour": Workload(shape=hour, profiles=plan.long, group=plan.group),
        "spans": Workload(shape=replace(hour, spans=plan.spans), profiles=plan.short, group=plan.group),
        "days": Workload(
            shape=replace(days, interval_ns=_HOUR_NS // plan.per_hour),
            profiles=HOURS * plan.per_hour,
            group=plan.group,
        ),
        "sparse": Workload(shape=sparse, profiles=3, group=1),
        **{
            f"depth-{depth}": Workload(shape=shape, profiles=plan.deep_profiles, group=1)
            for depth, shape in deep.items()
        },
        "pods": Workload(
            shape=replace(one, drawn=plan.drawn_per_pod, pods=plan.pods),
            profiles=plan.pods * plan.profiles_per_pod,
            group=50,
        ),
    }


def load(sides: Sequence[Side], tenant: str, workload: Workload) -> None:
    """Push a workload to all servers. Raises NotSupportedError if one rejects it."""
    with ThreadPoolExecutor(_AT_ONCE * len(sides)) as pool:
        sent: deque[Future[bytes]] = deque()
        for request in _pushes(tenant, workload):
            sent += [pool.submit(side.send, request) for side in sides]
            while len(sent) > _MAX_PENDING:
                sent.popleft().result()
        for each in sent:
            each.result()


def push_of(tenant: str, body: bytes) -> Request:
    """Return a Push request."""
    return Request(path=PUSH, tenant=tenant, body=body, headers={"Content-Type": PROTO.media_type})


def _pushes(tenant: str, workload: Workload) -> Iterator[Request]:
    drawn = draw_profiles(make_services(workload.shape), workload.profiles)
    for group in batched(drawn, workload.group, strict=False):
        yield push_of(tenant, push_request([*group]))
