"""The budget of memory in flight."""

from threading import Thread

import pytest

from flamehouse import memory
from flamehouse.deadline import time_limit
from flamehouse.memory import BusyError, MemoryBudget

LIMIT = 100


def test_a_request_holds_what_it_takes_until_it_ends() -> None:
    budget = MemoryBudget(LIMIT)
    with budget.request():
        memory.take(60)
        memory.take(40)
        with budget.request(), pytest.raises(BusyError, match="MEMORY_IN_FLIGHT_BYTES=100") as busy:
            memory.take(1)
        assert (busy.value.http_status, busy.value.retry_after_s) == (429, 5)
    with budget.request():
        memory.take(LIMIT)


def test_a_rejected_request_holds_nothing_more() -> None:
    budget = MemoryBudget(LIMIT)
    with budget.request():
        memory.take(LIMIT)
        memory.give_back()
        memory.take(LIMIT)


def test_what_outlives_its_request_is_held_until_its_release() -> None:
    budget = MemoryBudget(LIMIT)
    with budget.request():
        held = memory.hold(LIMIT)
    with budget.request():
        with pytest.raises(BusyError):
            memory.take(1)
        held.release()
        held.release()
        memory.take(LIMIT)
        with pytest.raises(BusyError):
            memory.take(1)


def test_work_waits_for_other_work_and_any_work_may_go_alone() -> None:
    budget = MemoryBudget(LIMIT)
    begun: list[str] = []

    def work(name: str, size: int) -> None:
        with budget.request():
            memory.begin_work(size)
            begun.append(name)

    with budget.request():
        memory.take(LIMIT)
        memory.begin_work(10 * LIMIT)
        with time_limit(0.01), budget.request(), pytest.raises(BusyError, match="take too long"):
            memory.begin_work(1)
        waiting = Thread(target=work, args=("other", 1))
        waiting.start()
        begun.append("first")
        memory.end_work()
        waiting.join()
    assert begun == ["first", "other"]


def test_without_a_budget_or_with_a_limit_of_zero_anything_fits() -> None:
    memory.take(1 << 60)
    memory.begin_work(1 << 60)
    memory.hold(1 << 60).release()
    with MemoryBudget(0).request():
        memory.take(1 << 60)
        memory.begin_work(1 << 60)
