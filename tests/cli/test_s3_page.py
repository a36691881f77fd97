"""The commands of docs/s3.md, against a bucket: files dropped, stored by the local server, deleted and replayed."""

import os
import sys
import time
from pathlib import Path
from typing import Final

import pytest

from tests.support.pages import examples, executable
from tests.support.scripts import commands_in, run
from tests.support.servers.local_server import running
from tests.support.servers.place import REPO
from tests.support.uploads.profiles import pprof_of, sample
from tools.aws import LocalAws, LocalBucket
from tools.local_server import environment

PAGE: Final = (REPO / "docs/s3.md").read_text()
STACKS_TIME: Final = "2026-11-29T10:00:00Z"
WAIT_S: Final = 60
DELETE: Final = "flamehouse delete --tenant acme --selector checkout"


@pytest.fixture
def bucket(aws: LocalAws) -> LocalBucket:
    return aws.new_bucket()


@pytest.fixture
def environ(aws: LocalAws, bucket: LocalBucket, tmp_path: Path) -> dict[str, str]:
    """The environment of the commands, which run in `tmp_path` next to two profiles."""
    commands_in(tmp_path)
    now_ms = time.time_ns() // 1_000_000
    profile = pprof_of([sample(["main", "work"], 7)], time_ms=now_ms).SerializeToString()
    (tmp_path / "cpu.pprof").write_bytes(profile)
    (tmp_path / "stacks.txt").write_text("main;work 3\n")
    return {
        **environment(),
        **aws.environ(),
        "AWS_ENDPOINT_URL": aws.url,
        "PATH": f"{tmp_path}/.venv/bin:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(REPO),
        "BUCKET": bucket.name,
        "DATA_DIR": str(tmp_path / "data"),
    }


def kept(bucket: LocalBucket) -> list[str]:
    return [key for key in bucket.objects() if key.startswith("kept/")]


def store_drops(bucket: LocalBucket, data: Path, environ: dict[str, str]) -> None:
    """Runs the local server until it has stored and retained two uploads."""
    place = {key: value for key, value in environ.items() if key.startswith("AWS_")}
    with running(data, BLOBS_DIR=f"s3://{bucket.name}", KEEP_BLOBS="true", **place) as server:
        until_s = time.monotonic() + WAIT_S
        while len(kept(bucket)) < 2 and time.monotonic() < until_s:
            time.sleep(0.2)
        assert server.stop() == 0


def test_the_commands_of_the_page_drop_delete_and_replay(
    tmp_path: Path, environ: dict[str, str], bucket: LocalBucket
) -> None:
    curl = executable("curl")
    moved, _redrive, copied, with_fields, presigned, dropped, replayed = examples(PAGE, "sh")
    an_hour_ago = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 3_600))
    run(copied, tmp_path, environ)
    run(with_fields.replace(STACKS_TIME, an_hour_ago), tmp_path, environ)
    head = bucket.client.head_object(Bucket=bucket.name, Key="drops/acme/checkout/stacks.txt")
    assert head["Metadata"] == {"labels": "region=eu", "time": an_hour_ago}
    signing, _, putting = presigned.partition("curl ")
    run(f'URL=$({signing})\n"{curl}" {putting}', tmp_path, environ)
    shown = run(dropped, tmp_path, environ)
    assert shown.count('region="eu"') == 2
    assert "put as drops/acme/checkout/stacks.txt" in shown

    store_drops(bucket, tmp_path / "data", environ)
    assert len(kept(bucket)) == 2
    assert not [key for key in bucket.objects() if key.startswith("quarantine/")]
    assert run(f"{DELETE} --yes", tmp_path, environ).endswith("deleted\n")
    since = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 86_400))
    replay = replayed.replace("2026-11-01", since).replace("2026-11-08", "2100-01-01")
    assert run(replay, tmp_path, environ) == "2 replayed, 0 skipped, 0 failed\n"
    assert run(replay, tmp_path, environ) == "0 replayed, 2 skipped, 0 failed\n"

    bucket.client.put_object(
        Bucket=bucket.name, Key="quarantine/staged/acme/2026-11-29/07/ab12", Body=b"an upload"
    )
    run(moved, tmp_path, {**environ, "ID": "ab12"})
    assert bucket.objects()["staged/acme/2026-11-29/07/ab12"] == b"an upload"
    assert "quarantine/staged/acme/2026-11-29/07/ab12" not in bucket.objects()
