"""The distribution of tests to workers."""

import pytest

from tests.support.distribution import WHOLE
from tests.support.servers.place import REPO


@pytest.mark.parametrize("turn", range(6))
def test_one_worker_runs_all_tests_of_a_whole_module(
    turn: int, worker_id: str, testrun_uid: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    # The workers of a run share the parent of their temporary folders.
    folder = tmp_path_factory.getbasetemp().parent / f"turns-{testrun_uid}"
    folder.mkdir(exist_ok=True)
    (folder / f"{turn}-{worker_id}").touch()
    assert {path.name.partition("-")[2] for path in folder.iterdir()} == {worker_id}


def test_every_whole_module_exists() -> None:
    assert sorted(WHOLE) == sorted(path for path in WHOLE if (REPO / path).is_file())
