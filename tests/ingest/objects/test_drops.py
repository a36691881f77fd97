"""Files put into a bucket: the profiles they are stored as, each once."""

import gzip
import json
import time

import pytest

from flamehouse.serverless.object_events import ObjectCreated
from flamehouse.settings import DIRECT, Settings
from flamehouse.store import Store
from ingest import objects
from tests.support.queries.queries import Server
from tests.support.servers.staging import Staging
from tests.support.uploads.profiles import pprof_of, sample
from tools.aws import LocalAws

pytestmark = pytest.mark.parametrize("place", ["server"], indirect=True, scope="session")

FOLDED = b"main;work 3\nmain;rest 1\n"


@pytest.fixture
def staging(aws: LocalAws, store: Store, settings: Settings) -> Staging:
    return Staging.on(aws, store, settings, DIRECT)


def drop(staging: Staging, key: str, content: bytes, **metadata: str) -> None:
    staging.services.blobs.put(key, content, metadata)


def services_of(server: Server) -> list[str]:
    now_ms = time.time_ns() // 1_000_000
    return server.label_values(now_ms - 3_600_000, now_ms + 60_000, "service_name")


def total(server: Server, service: str) -> int:
    now_ms = time.time_ns() // 1_000_000
    selector = json.dumps(service, ensure_ascii=False)
    return server.flamegraph(
        now_ms - 3_600_000, now_ms + 60_000, selector=f"{{service_name={selector}}}"
    ).total


KEYS = {
    "checkout/cpu.folded": "checkout",
    "shop.folded": "shop",
    "a service/cpu profile+1=2.folded": "a service",
    "käse/über%20.folded": "käse",
    "100%/x": "100%",
    "a/b/c.txt": "a/b",
}


def test_the_key_names_tenant_and_service(staging: Staging, tenant: str) -> None:
    for key in KEYS:
        drop(staging, f"drops/{tenant}/{key}", FOLDED)
    staging.drain()
    server = staging.server(tenant)
    assert staging.keys("quarantine/") == []
    assert services_of(server) == sorted(KEYS.values())
    totals = {service: total(server, service) for service in KEYS.values()}
    assert len(set(totals.values())) == 1
    assert totals["shop"] > 0
    assert len(staging.keys("drops/")) == len(KEYS)


def test_equal_content_of_a_service_is_stored_once_whatever_its_path(staging: Staging, tenant: str) -> None:
    now_ms = time.time_ns() // 1_000_000
    profile = pprof_of([sample(["main", "work"], 7)], time_ms=now_ms - 60_000).SerializeToString()
    server = staging.server(tenant)
    drop(staging, f"drops/{tenant}/shop/a.pprof", profile)
    drop(staging, f"drops/{tenant}/shop/a.folded", FOLDED)
    staging.drain()
    first = total(server, "shop")
    assert first > 0
    for key, content in (
        ("a.pprof", profile),
        ("copy.pprof", profile),
        ("a.pprof.gz", gzip.compress(profile)),
        ("a.folded", FOLDED),
        ("copy", FOLDED),
    ):
        drop(staging, f"drops/{tenant}/shop/{key}", content)
    staging.drain()
    assert total(server, "shop") == first
    assert staging.keys("quarantine/") == []


def test_metadata_overrides_the_sidecar_and_the_sidecar_overrides_the_key(
    staging: Staging, tenant: str
) -> None:
    sidecar = {"service": "of-sidecar", "labels": {"env": "sidecar", "zone": "sidecar"}, "format": "groups"}
    for name in ("a", "b"):
        drop(staging, f"drops/{tenant}/of-key/{name}.meta.json", json.dumps(sidecar).encode())
    drop(staging, f"drops/{tenant}/of-key/a", FOLDED, service="of-metadata", labels="env=metadata")
    drop(staging, f"drops/{tenant}/of-key/b", FOLDED)
    staging.drain()
    server = staging.server(tenant)
    now_ms = time.time_ns() // 1_000_000
    assert staging.keys("quarantine/") == []
    assert services_of(server) == ["of-metadata", "of-sidecar"]
    values = {name: server.label_values(now_ms - 3_600_000, now_ms, name) for name in ("env", "zone")}
    assert values == {"env": ["metadata", "sidecar"], "zone": ["sidecar"]}


@pytest.mark.parametrize(
    ("key", "content", "metadata", "reason"),
    [
        ("bad tenant/shop/a", FOLDED, {}, "invalid key"),
        ("{tenant}", FOLDED, {}, "invalid key"),
        ("{tenant}/shop/a", b"", {}, "the upload is empty"),
        ("{tenant}/shop/a", b"no stacks", {}, ""),
        ("{tenant}/shop/a", b"\x1f\x8bdamaged", {}, ""),
        ("{tenant}/shop/a", gzip.compress(bytes(65 << 20)), {}, ""),
        ("{tenant}/shop/a", FOLDED, {"format": "gif"}, "unknown format 'gif'"),
        ("{tenant}/shop/a", FOLDED, {"time": "soon"}, ""),
        ("{tenant}/shop/a", FOLDED, {"labels": "env"}, "invalid labels 'env'"),
    ],
)
def test_an_upload_that_cannot_be_stored_is_quarantined_with_its_reason(
    staging: Staging, tenant: str, key: str, content: bytes, metadata: dict[str, str], reason: str
) -> None:
    key = f"drops/{key.format(tenant=tenant)}"
    drop(staging, key, content, **metadata)
    staging.drain()
    assert staging.keys() == [f"quarantine/{key}", f"quarantine/{key}.reason.json"]
    note = json.loads(staging.bucket.objects()[f"quarantine/{key}.reason.json"])
    assert note["reason"]
    assert reason in note["reason"]
    assert services_of(staging.server(tenant)) == []


def test_a_sidecar_that_is_not_json_is_quarantined(staging: Staging, tenant: str) -> None:
    drop(staging, f"drops/{tenant}/shop/a.meta.json", b"{")
    drop(staging, f"drops/{tenant}/shop/a", FOLDED)
    staging.drain()
    (note,) = [key for key in staging.keys("quarantine/") if key.endswith(".reason.json")]
    assert json.loads(staging.bucket.objects()[note])["reason"] == "the sidecar is not JSON"


def test_a_file_beyond_the_request_size_limit_is_stored(staging: Staging, tenant: str) -> None:
    lines = [f"main;function_{number} 1" for number in range(100_000)]
    drop(staging, f"drops/{tenant}/big/stacks.txt", "\n".join(lines).encode())
    drop(staging, f"drops/{tenant}/small/stacks.txt", b"main;work 1")
    staging.drain()
    server = staging.server(tenant)
    assert staging.keys("quarantine/") == []
    assert total(server, "big") == 100_000 * total(server, "small")


def test_a_file_too_large_to_read_stays_and_gets_a_reason(staging: Staging, tenant: str) -> None:
    key = f"drops/{tenant}/big/stacks.txt"
    drop(staging, key, bytes((64 << 20) + 1))
    staging.drain()
    assert staging.keys() == [key, f"quarantine/{key}.reason.json"]


@pytest.mark.parametrize("is_last", [False, True])
def test_an_invalid_version_is_quarantined_and_the_others_stay(
    staging: Staging, tenant: str, *, is_last: bool
) -> None:
    bucket = staging.bucket
    bucket.client.put_bucket_versioning(Bucket=bucket.name, VersioningConfiguration={"Status": "Enabled"})
    key = f"drops/{tenant}/shop/cpu.folded"
    contents = [FOLDED, b"\x1f\x8bnot gzip"] if is_last else [b"\x1f\x8bnot gzip", FOLDED]
    for content in contents:
        drop(staging, key, content)
    versions = bucket.client.list_object_versions(Bucket=bucket.name, Prefix=key)["Versions"]
    # Unlike S3's, moto's notifications name no version.
    sources = [
        ObjectCreated(place=f"s3://{bucket.name}", key=key, version=each["VersionId"]) for each in versions
    ]
    assert objects.handle(staging.services, sources) == {}
    stored = bucket.objects()
    assert stored[key] == FOLDED
    assert stored[f"quarantine/{key}"] == b"\x1f\x8bnot gzip"
    assert services_of(staging.server(tenant)) == ["shop"]
