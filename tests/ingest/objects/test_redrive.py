"""The redrive of docs/s3.md: uploads whose messages failed until they were in the dead-letter queue are stored."""

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from flamehouse.blobs.keys import DROPS, STAGED
from flamehouse.settings import DIRECT, Settings
from flamehouse.settings import STAGED as STAGED_MODE
from flamehouse.store import Store
from flamehouse.store.clickhouse_store import open_store
from tests.support.pages import examples
from tests.support.scripts import commands_in, run
from tests.support.servers.place import REPO
from tests.support.servers.scripted import closed_port
from tests.support.servers.staging import Staging
from tests.support.uploads.counted import Counted, once
from tools.aws import LocalAws, LocalQueue

pytestmark = pytest.mark.parametrize("place", ["server"], indirect=True, scope="session")

PAGE: Final = (REPO / "docs/s3.md").read_text()
RECEIVES: Final = 2
"""The template has ten."""


@pytest.fixture
def dead(aws: LocalAws) -> LocalQueue:
    return aws.new_queue()


@pytest.fixture
def staging(aws: LocalAws, store: Store, settings: Settings, dead: LocalQueue) -> Staging:
    """A deployment whose queue has a dead-letter queue."""
    policy = {"deadLetterTargetArn": dead.arn, "maxReceiveCount": RECEIVES}
    queue = aws.new_queue(attributes={"RedrivePolicy": json.dumps(policy)})
    bucket = aws.new_bucket()
    bucket.notify(queue, [STAGED, DROPS])
    return Staging.on(aws, store, settings, STAGED_MODE, (bucket, queue))


@pytest.fixture
def failing(staging: Staging, settings: Settings) -> Iterator[Staging]:
    """The same deployment with an unreachable ClickHouse."""
    with closed_port() as port:
        store = open_store(replace(settings, clickhouse_dsn=f"http://default:@127.0.0.1:{port}"))
        yield staging.through(store)
        store.close()


@pytest.fixture
def direct(aws: LocalAws, staging: Staging, store: Store, settings: Settings) -> Staging:
    """The same deployment in mode direct."""
    return Staging.on(aws, store, settings, DIRECT, (staging.bucket, staging.queue))


@pytest.fixture
def counted(staging: Staging, store: Store, settings: Settings, tenant: str) -> Counted:
    """Staged uploads, counted in the store."""
    return Counted.on(store, settings, tenant).through(staging.server(tenant))


@pytest.fixture
def environ(aws: LocalAws, dead: LocalQueue, tmp_path: Path) -> dict[str, str]:
    """The environment of the page's commands."""
    commands_in(tmp_path)
    return {
        **os.environ,
        **aws.environ(),
        "AWS_ENDPOINT_URL": aws.url,
        "PATH": f"{tmp_path}/.venv/bin:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(REPO),
        "DEAD_LETTER_QUEUE_ARN": dead.arn,
    }


def test_the_redrive_stores_the_uploads_of_the_dead_letter_queue(
    staging: Staging,
    failing: Staging,
    direct: Staging,
    counted: Counted,
    dead: LocalQueue,
    environ: dict[str, str],
) -> None:
    assert [counted.send(number) for number in range(3)] == [200] * 3
    for _ in range(RECEIVES):
        assert failing.work_once()
    assert (failing.work_once(), staging.queue.messages, dead.messages) == ({}, 0, 3)
    # One of them is stored meanwhile, since its client sends it again.
    assert counted.through(direct.server(counted.server.client.tenant)).send(1) == 200
    [command] = examples(PAGE.partition("\n### Redrive\n")[2].partition("\n## ")[0], "sh")
    run(command, REPO, environ)
    assert (dead.messages, staging.queue.messages) == (0, 3)
    staging.drain()
    assert counted.counts() == once(range(3))
    assert staging.keys() == []
