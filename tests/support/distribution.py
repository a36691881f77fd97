"""Distributes the tests to pytest-xdist's workers."""

from typing import Final

from xdist.scheduler import LoadScopeScheduling

WHOLE: Final = frozenset(
    {
        "tests/acceptance/test_connect_go.py",
        "tests/acceptance/test_live_python.py",
        "tests/bench/test_compare.py",
        "tests/deployment/test_compatibility.py",
        "tests/deployment/test_soak.py",
        "tests/flamehouse/store/test_golden.py",
        "tests/test_distribution.py",
        "tests/tools/test_live.py",
    }
)
"""Modules whose tests share what takes long to build or to run, so one worker runs all of them."""


class Distribution(LoadScopeScheduling):  # type: ignore[misc]  # pytest-xdist has no types
    """Distributes single tests, except that a module in `WHOLE` stays together.

    pytest-xdist's own groups have no effect with pytest 9.2 (pytest-xdist issue 1386), and change the names of tests,
    which `--last-failed` then does not find.
    """

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.partition("::")[0]
        return module if module in WHOLE else nodeid
