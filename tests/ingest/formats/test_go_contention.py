"""Go's block and mutex profiles by POST /ingest without a sample_type_config."""

import json

import pytest

from tests.support.uploads.profiles import pprof_of, sample
from tests.support.uploads.uploads import FORM, Ingest, form

TYPES = (("contentions", "count"), ("delay", "nanoseconds"))


def metrics(*leaves: str, config: bytes | None = None) -> set[str]:
    """Returns the first parts of the stored profile types, for a profile whose stacks end in these functions."""
    samples = [sample(["main.main", leaf], 1, 7) for leaf in leaves]
    data = pprof_of(samples, time_ms=0, types=TYPES).SerializeToString()
    ingest = Ingest()
    if config is None:
        response = ingest.post(data, "name=shop")
    else:
        parts = form(("profile", data), ("sample_type_config", config))
        response = ingest.post(parts, "name=shop", content_type=FORM)
    assert response.status_code == 200, response.text
    return {type_.partition(":")[0] for type_ in ingest.profile_types}


@pytest.mark.parametrize(
    "leaves",
    [
        ("runtime.chanrecv1",),
        ("runtime.selectgo", "runtime.chansend1"),
        ("sync.(*WaitGroup).Wait", "sync.(*Cond).Wait"),
        ("sync.(*Mutex).Lock", "main.work"),
        ("internal/sync.(*Mutex).Lock",),
        ("sync.(*RWMutex).RLock",),
    ],
)
def test_stacks_that_wait_make_a_block_profile(leaves: tuple[str, ...]) -> None:
    assert metrics(*leaves) == {"block"}


@pytest.mark.parametrize(
    "leaves",
    [
        ("sync.(*Mutex).Unlock",),
        ("internal/sync.(*Mutex).Unlock",),
        ("sync.(*RWMutex).RUnlock", "sync.(*RWMutex).Unlock"),
        ("runtime.unlock", "runtime._LostContendedRuntimeLock"),
        ("main.work",),
    ],
)
def test_other_stacks_make_a_mutex_profile(leaves: tuple[str, ...]) -> None:
    assert metrics(*leaves) == {"mutex"}


def test_a_sample_type_config_takes_precedence_over_the_stacks() -> None:
    config = {"contentions": {"display-name": "mutex_count"}, "delay": {"display-name": "mutex_duration"}}
    assert metrics("runtime.chanrecv1", config=json.dumps(config).encode()) == {"mutex"}
