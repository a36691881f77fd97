"""Sums the profiles of a speedscope file by stack: samples with weights, or frames that open and close."""

from collections.abc import Mapping, Sequence
from typing import Final

from flamehouse.errors import invalid_argument
from ingest.request.budget import Budget
from ingest.request.json_fields import list_of, number_from, number_of, objects_of, shown, text_of

type Sums = dict[tuple[int, ...], float]
"""Weights by stack, a tuple of frame indices, root first. Integers stay integers."""

_ROOT: Final = 0


def add_sampled(
    profile: Mapping[str, object], frames: Mapping[int, object], sums: Sums, frames_room: Budget
) -> None:
    """Adds the weight of each sample to its stack; samples without a stack are dropped.

    Raises RpcError(INVALID_ARGUMENT) for unknown frames, for negative or missing weights, and for more frames than
    the budget allows.
    """
    samples, weights = list_of(profile, "samples"), list_of(profile, "weights")
    if len(samples) != len(weights):
        raise invalid_argument(f"found {len(weights)} weights for {len(samples)} samples")
    for sample, weight in zip(samples, weights, strict=True):
        value = number_from(weight, "a weight")
        if value < 0:
            raise invalid_argument(f"the weight {value} is negative")
        stack = _stack(sample, frames)
        frames_room.take(len(stack))
        if stack:
            sums[stack] = sums.get(stack, 0) + value


def _stack(sample: object, frames: Mapping[int, object]) -> tuple[int, ...]:
    if not isinstance(sample, list):
        raise invalid_argument("a sample is not a list of frames")
    try:
        if all(map(frames.__contains__, sample)):
            return tuple(sample)
    except TypeError:
        pass
    raise invalid_argument("a sample has an unknown frame")


def add_evented(
    profile: Mapping[str, object], frames: Mapping[int, object], sums: Sums, frames_room: Budget
) -> None:
    """Adds the time between events to the open stack; time without a stack is dropped.

    Raises RpcError(INVALID_ARGUMENT) for events that go back in time, for unknown frames, for a closed frame that is
    not the innermost, and for more frames in distinct stacks than the budget allows: each event may add a stack of
    any depth.
    """
    tree = _CallTree()
    last = number_of(profile, "startValue")
    for event in objects_of(profile, "events"):
        at, frame = number_of(event, "at"), event.get("frame", 0)
        if at < last:
            raise invalid_argument(f"events are out of order: {at} comes after {last}")
        if not isinstance(frame, int | float) or frame not in frames:
            raise invalid_argument("an event has an unknown frame")
        tree.spend(at - last)
        match text_of(event, "type"):
            case "O":
                tree.open(int(frame))
            case "C":
                tree.close(int(frame))
            case other:
                raise invalid_argument(f"unknown event type '{shown(other)}'")
        last = at
    tree.add_to(sums, frames_room)


class _CallTree:
    """A node for each distinct stack, so that the cost of an event does not depend on its depth."""

    def __init__(self) -> None:
        self._children: dict[tuple[int, int], int] = {}
        self._parents = [_ROOT]
        self._frames = [-1]
        self._depths = [0]
        self._values: list[float] = [0]
        self._open = _ROOT

    def spend(self, time: float) -> None:
        if self._open != _ROOT:
            self._values[self._open] += time

    def open(self, frame: int) -> None:
        key = (self._open, frame)
        node = self._children.get(key)
        if node is None:
            node = self._children[key] = len(self._parents)
            self._parents.append(self._open)
            self._frames.append(frame)
            self._depths.append(self._depths[self._open] + 1)
            self._values.append(0)
        self._open = node

    def close(self, frame: int) -> None:
        if self._frames[self._open] != frame:
            raise invalid_argument(f"frame {frame} is closed, but is not the innermost open frame")
        self._open = self._parents[self._open]

    def add_to(self, sums: Sums, frames_room: Budget) -> None:
        spent = [node for node, value in enumerate(self._values) if value]
        frames_room.take(sum(self._depths[node] for node in spent))
        for node in spent:
            stack = tuple(self._stack(node))
            sums[stack] = sums.get(stack, 0) + self._values[node]

    def _stack(self, node: int) -> Sequence[int]:
        stack = []
        while node != _ROOT:
            stack.append(self._frames[node])
            node = self._parents[node]
        return stack[::-1]
