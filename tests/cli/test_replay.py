"""`flamehouse replay` and the blobs of `flamehouse delete`, as an operator types them."""

import time
from pathlib import Path

import httpx

from tests.support.servers.command import flamehouse
from tests.support.servers.local_server import running

RANGE = ("--from", "1h", "--until", "2100-01-01")


def names(url: str) -> list[str]:
    now_ms = time.time_ns() // 1_000_000
    body = {"name": "service_name", "start": now_ms - 3_600_000, "end": now_ms + 60_000}
    answer = httpx.post(f"{url}/querier.v1.QuerierService/LabelValues", json=body).json()
    found: list[str] = answer.get("names", [])
    return sorted(found)


def test_deleted_uploads_are_stored_again_from_their_blobs(tmp_path: Path) -> None:
    data, blobs = tmp_path / "data", tmp_path / "blobs"
    place = {"DATA_DIR": str(data), "BLOBS_DIR": str(blobs)}
    with running(data, BLOBS_DIR=str(blobs), KEEP_BLOBS="true") as server:
        for service in ("cart", "shop"):
            sent = httpx.post(f"{server.url}/ingest?name={service}", content="main;work 1")
            assert sent.status_code == 200
        assert server.stop() == 0
    assert len([*blobs.rglob("kept/anonymous/*/*/*")]) == 2

    everything = ("delete", "--tenant", "anonymous", "--yes")
    assert flamehouse(*everything, DATA_DIR=str(data)).stdout.endswith("deleted\n")
    shop = flamehouse("replay", *RANGE, "--service", "shop", "--tenant", "anonymous", **place)
    assert (shop.returncode, shop.stdout) == (0, "1 replayed, 0 skipped, 0 failed\n"), shop.stderr
    again = flamehouse("replay", *RANGE, **place)
    assert again.stdout == "1 replayed, 1 skipped, 0 failed\n"
    anew = flamehouse("replay", *RANGE, "--after-delete", **place)
    assert anew.stdout == "2 replayed, 0 skipped, 0 failed\n"
    assert "run it again without --after-delete" in anew.stderr

    damaged = blobs / f"kept/anonymous/{time.strftime('%Y-%m-%d/%H', time.gmtime())}/{'ab' * 32}"
    damaged.parent.mkdir(parents=True, exist_ok=True)
    damaged.write_bytes(b"not an envelope")
    failed = flamehouse("replay", *RANGE, **place)
    assert (failed.returncode, failed.stdout) == (1, "0 replayed, 2 skipped, 1 failed\n")
    assert "ab: not an upload: the envelope's magic bytes are missing" in failed.stderr
    damaged.unlink()

    with running(data) as server:
        assert names(server.url) == ["cart", "shop"]
        assert server.stop() == 0
    counted = flamehouse("delete", "--tenant", "anonymous", "--selector", "cart", **place)
    assert "1 retained blobs of these uploads" in counted.stdout
    assert len([*blobs.rglob("kept/anonymous/*/*/*")]) == 2
    flamehouse("delete", "--tenant", "anonymous", "--selector", "cart", "--yes", **place)
    assert len([*blobs.rglob("kept/anonymous/*/*/*")]) == 1


def test_replay_requires_blob_storage() -> None:
    run = flamehouse("replay", "--from", "1h", CLICKHOUSE_DSN="http://127.0.0.1:1")
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr == "flamehouse: BLOBS_DIR must name the folder or s3://BUCKET of the blobs\n"
