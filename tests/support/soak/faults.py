"""Switches ClickHouse's fault at random, with calm between faults."""

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import Final

from tools.clickhouse_http.faults import Fault, FaultyClickHouse

_CALM_S: Final = (1.0, 8.0)
_FAULT_S: Final = (0.5, 5.0)
_INSERTS_ALONE: Final = 0.5
_FAULTS: Final = tuple(fault for fault in Fault if fault is not Fault.NONE)


@dataclass(slots=True, kw_only=True)
class Switched:
    """How often each fault was switched on, and for how many seconds in all."""

    times: Counter[Fault] = field(default_factory=Counter)
    seconds: float = 0


@contextmanager
def switching(proxy: FaultyClickHouse, chosen: random.Random) -> Iterator[Switched]:
    """Switches faults in a thread until the block ends, and leaves none; each occurs once before any occurs again."""
    switched, ended = Switched(), Event()

    def switch() -> None:
        left: list[Fault] = []
        while not ended.wait(chosen.uniform(*_CALM_S)):
            left = left or chosen.sample(_FAULTS, len(_FAULTS))
            proxy.inserts_alone = chosen.random() < _INSERTS_ALONE
            proxy.fault = left.pop()
            switched.times[proxy.fault] += 1
            seconds = chosen.uniform(*_FAULT_S)
            switched.seconds += seconds
            ended.wait(seconds)
            proxy.fault = Fault.NONE

    thread = Thread(target=switch, daemon=True)
    thread.start()
    try:
        yield switched
    finally:
        ended.set()
        thread.join()
