"""Tests that generate their input: few examples in the gate, and FUZZ_TIMES as many under `make fuzz`."""

import os
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

_TIMES = int(os.environ.get("FUZZ_TIMES") or 1)

type Test = Callable[..., Any]


def rounds(count: int) -> int:
    """Returns the number of examples to run: `count` in the gate, more under `make fuzz`."""
    return count * _TIMES


def load_profile() -> None:
    """Makes the gate run the same examples every time, on a machine of any speed; `make fuzz` searches for new ones."""
    name = "fuzz" if _TIMES > 1 else "gate"
    slow = [HealthCheck.too_slow]
    settings.register_profile(name, deadline=None, suppress_health_check=slow, derandomize=_TIMES == 1)
    settings.load_profile(name)


def fuzzed(examples: int = 60) -> Callable[[Test], Test]:
    """Decorates a property that Hypothesis runs with this many examples."""
    found = settings(max_examples=rounds(examples))

    def decorate(test: Test) -> Test:
        return pytest.mark.fuzz(found(test))

    return decorate
