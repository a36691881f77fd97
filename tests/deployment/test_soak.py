"""A short soak: uploads of all clients through the functions built for AWS, while ClickHouse fails at random (make soak)."""

from typing import Final

import pytest

from tests.support.servers.bundle import built
from tests.support.servers.place import REPO
from tests.support.soak.soak import Load, Soaked, soak
from tests.support.soak.uploads import Client, uploads

LOAD: Final = Load(seconds=20, clients=2)
GROWTH_MB: Final = 256
"""Several times a process's growth in minutes: caches fill only once."""


@pytest.fixture(scope="module")
def sent() -> list[Client]:
    return uploads(REPO.parent / "shared/fixtures")


@pytest.fixture(scope="module")
def soaked(sent: list[Client], tmp_path_factory: pytest.TempPathFactory) -> Soaked:
    return soak(built(), tmp_path_factory.mktemp("soak"), sent, LOAD)


@pytest.mark.usefixtures("shared_dir")
def test_without_faults_each_request_has_the_same_sums_as_in_pyroscope(
    soaked: Soaked, sent: list[Client]
) -> None:
    for client in sent:
        assert client.request.totals is not None
        expected = {type_: total for type_, total in client.request.totals.items() if total}
        stored = {
            type_: total
            for (type_, what), total in soaked.alone[client.request.name].items()
            if what == "samples" and total
        }
        assert stored == expected, client.request.name


def test_nothing_is_lost_or_duplicated(soaked: Soaked) -> None:
    assert soaked.stored == soaked.acknowledged
    assert (list(soaked.quarantined), soaked.missing) == ([], 0)


def test_faults_occurred_while_requests_and_files_were_sent(soaked: Soaked) -> None:
    assert min(soaked.faults.times.total(), soaked.sent.requests, soaked.sent.files) > 0


def test_memory_does_not_grow_with_the_uploads(soaked: Soaked) -> None:
    assert soaked.memory_before.keys() & soaked.memory_after.keys()
    before = {name: mb for (name, _), mb in soaked.memory_before.items()}
    grown = {
        process: mb - before[process[0]]
        for process, mb in soaked.memory_after.items()
        if process[0] in before
    }
    assert max(grown.values()) < GROWTH_MB, grown
