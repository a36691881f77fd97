"""The budget of memory in flight."""

import pytest

from flamehouse import memory
from flamehouse.deadline import time_limit
from flamehouse.memory import SMALL_WORK_BYTES, BusyError, MemoryBudget, Share

LIMIT = 100


def test_a_request_holds_its_memory_until_it_ends() -> None:
    budget = MemoryBudget(LIMIT)
    with budget.request():
        memory.take(60)
        memory.take(40)
        with budget.request(), pytest.raises(BusyError, match="MEMORY_IN_FLIGHT_BYTES=100") as busy:
            memory.take(1)
        assert (busy.value.http_status, busy.value.retry_after_s) == (429, 5)
    with budget.request():
        memory.take(LIMIT)


def test_a_rejected_request_holds_no_more_memory() -> None:
    budget = MemoryBudget(LIMIT)
    with budget.request():
        memory.take(LIMIT)
        memory.give_back()
        memory.take(LIMIT)


def test_memory_that_outlives_its_request_is_held_until_it_is_released() -> None:
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


LARGE = SMALL_WORK_BYTES + 1


class Request:
    """A separate request, whose work begins and ends when the test says so."""

    def __init__(self, budget: MemoryBudget, size: int) -> None:
        self._share = Share(budget)
        self._share.begin_work(size)

    def end(self) -> None:
        self._share.end()


def is_rejected(budget: MemoryBudget, size: int) -> bool:
    """Reports whether work of this size waits longer than its request's time."""
    with time_limit(0.01), budget.request():
        try:
            memory.begin_work(size)
        except BusyError as error:
            return "take too long" in str(error) and error.http_status == 429
    return False


def test_large_work_waits_for_other_large_work_but_may_always_run_alone() -> None:
    budget = MemoryBudget(LIMIT)
    with budget.request():
        memory.take(LIMIT)
        memory.begin_work(10 * LARGE)
        assert is_rejected(budget, LARGE)
        memory.end_work()
        assert not is_rejected(budget, LARGE)
    assert not is_rejected(budget, LARGE)


def test_small_work_runs_while_large_work_uses_all_its_slots() -> None:
    budget = MemoryBudget(0)
    large = [Request(budget, LARGE), Request(budget, LARGE)]
    assert is_rejected(budget, LARGE)
    small = [Request(budget, SMALL_WORK_BYTES) for _ in range(3)]
    assert is_rejected(budget, 1)
    large.pop().end()
    assert (is_rejected(budget, 1), is_rejected(budget, LARGE)) == (True, False)
    small.pop().end()
    assert not is_rejected(budget, 1)


def test_small_work_that_grows_large_keeps_large_work_waiting() -> None:
    budget = MemoryBudget(LARGE)
    for grown, rejected in ((SMALL_WORK_BYTES, False), (LARGE, True)):
        with budget.request():
            memory.begin_work(0)
            memory.add_work(grown)
            assert is_rejected(budget, LARGE) == rejected
    assert not is_rejected(budget, LARGE)


def test_without_a_budget_or_with_a_limit_of_zero_anything_fits() -> None:
    memory.take(1 << 60)
    memory.begin_work(1 << 60)
    memory.hold(1 << 60).release()
    with MemoryBudget(0).request():
        memory.take(1 << 60)
        memory.begin_work(1 << 60)
