"""Turns: as many threads at a time, first come, first served."""

from threading import Thread
from time import sleep

from flamehouse.turns import Turns


def started(turns: Turns, name: str, taken: list[str]) -> Thread:
    """Returns a thread that waits for a turn."""

    def take() -> None:
        assert turns.take(30)
        taken.append(name)
        turns.give_back()

    thread = Thread(target=take)
    thread.start()
    sleep(0.05)
    return thread


def test_turns_go_to_those_who_have_waited_longest() -> None:
    turns, taken = Turns(1), list[str]()
    assert turns.take(0)
    threads = [started(turns, name, taken) for name in ("first", "second", "third")]
    assert taken == []
    turns.give_back()
    for thread in threads:
        thread.join()
    assert taken == ["first", "second", "third"]


def test_a_thread_that_gave_up_gets_no_turn() -> None:
    turns = Turns(2)
    assert [turns.take(0.01) for _ in range(3)] == [True, True, False]
    turns.give_back()
    assert [turns.take(0.01) for _ in range(2)] == [True, False]
