"""A server of ad hoc profiles without a ClickHouse, and the flame graphs in its responses."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from all_in_one import create_app
from flamehouse.services import Services
from flamehouse.settings import Settings
from tests.support.queries.oracle import Stack, oracle_flamegraph
from tests.support.queries.queries import EVERYTHING, new_tenant
from tests.support.servers.client import Client
from tests.support.servers.doubles import CannedStore
from tests.support.uploads.adhoc_files import AdHoc
from tests.support.uploads.profiles import pprof_of, sample


def adhoc_on(folder: Path, retention: int = 30, **settings: Any) -> AdHoc:
    """Returns a server that stores files in `folder`, without a ClickHouse."""
    services = Services(
        settings=Settings(adhoc_profiles=str(folder), **settings), store=CannedStore(retention=retention)
    )
    return AdHoc(client=Client(server=create_app(lambda: services), tenant=new_tenant()))


def flamebearer(flamebearer_profile: str) -> dict[str, Any]:
    response: dict[str, Any] = json.loads(flamebearer_profile)
    return response


def drawn(stacks: Sequence[Stack], max_nodes: int = EVERYTHING) -> dict[str, Any]:
    """Returns the flame graph that Pyroscope draws of these stacks."""
    names, levels, total, max_self = oracle_flamegraph(stacks, max_nodes)
    return {"names": names, "levels": levels, "numTicks": total, "maxSelf": max_self}


def exported(stacks: Sequence[Stack]) -> bytes:
    """Returns the flame graph in the form that Pyroscope exports."""
    metadata = {"format": "single", "spyName": "gospy", "sampleRate": 100, "units": "bytes", "name": "heap"}
    return json.dumps({"version": 1, "flamebearer": drawn(stacks), "metadata": metadata}).encode()


STACKS: Sequence[Stack] = ((("main", "a", "b"), 3), (("main", "a"), 1), (("main", "c"), 2), (("idle",), 4))


def pprof(stacks: Sequence[Stack] = STACKS) -> bytes:
    """Returns an old pprof with two sample types; the second has ten times the values of the first."""
    samples = [sample([*names], value, value * 10) for names, value in stacks]
    types = (("samples", "count"), ("cpu", "nanoseconds"))
    return pprof_of(samples, time_ms=1, types=types).SerializeToString()
