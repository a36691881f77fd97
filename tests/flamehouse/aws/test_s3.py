"""Objects in a bucket, on a real HTTP endpoint: moto's S3, or a server that fails."""

import subprocess
import sys
from collections.abc import Callable

import pytest

from flamehouse.aws.objects import ObjectInfo, StoredObject
from flamehouse.aws.s3 import S3Bucket
from flamehouse.deadline import time_limit
from flamehouse.errors import Code, RpcError
from flamehouse.settings import Settings
from tests.support.servers.scripted import Reply, closed_port, scripted
from tools.aws import REGION, LocalAws

ODD_KEY = "team!'(*)-_./a b+c=ü%41.pprof"
METADATA = {"received-ns": "1764380000000000000", "tenant": "team"}

pytestmark = pytest.mark.usefixtures("aws")


def settings_of(url: str) -> Settings:
    return Settings(aws_region=REGION, aws_endpoint_url_s3=url)


@pytest.fixture
def bucket(aws: LocalAws) -> S3Bucket:
    return S3Bucket(aws.new_bucket().name, settings_of(aws.url), page_size=2)


@pytest.mark.parametrize("key", ["a", ODD_KEY])
@pytest.mark.parametrize("content", [b"", b"content", bytes(range(256)) * 4_096])
def test_an_object_is_read_as_it_was_put(bucket: S3Bucket, key: str, content: bytes) -> None:
    bucket.put(key, content, METADATA)
    assert bucket.get(key) == StoredObject(content=content, metadata=METADATA)
    assert bucket.head(key) == ObjectInfo(key=key, size=len(content), metadata=METADATA)
    assert list(bucket.list("")) == [ObjectInfo(key=key, size=len(content))]
    bucket.put(key, b"another")
    assert bucket.get(key) == StoredObject(content=b"another")


def test_a_deleted_object_is_missing_and_may_be_deleted_again(bucket: S3Bucket) -> None:
    bucket.put("a", b"content")
    for _ in range(2):
        bucket.delete("a")
    assert (bucket.get("a"), bucket.head("a"), list(bucket.list(""))) == (None, None, [])


def test_a_listing_reads_all_pages_and_stops_at_the_prefix(bucket: S3Bucket) -> None:
    for key in ("team-a/1", "team/5", "team/1", "team/3", "team/2", "team/4", "teams/1"):
        bucket.put(key, b"x")
    assert [each.key for each in bucket.list("team/")] == [f"team/{number}" for number in range(1, 6)]


OPERATIONS: dict[str, Callable[[S3Bucket], object]] = {
    "PutObject": lambda bucket: bucket.put("a", b""),
    "GetObject": lambda bucket: bucket.get("a"),
    "HeadObject": lambda bucket: bucket.head("a"),
    "DeleteObject": lambda bucket: bucket.delete("a"),
    "ListObjectsV2": lambda bucket: list(bucket.list("a")),
}


@pytest.mark.parametrize("operation", sorted(OPERATIONS.keys() - {"HeadObject"}))
def test_a_bucket_that_does_not_exist_is_unavailable_and_the_log_says_so(
    aws: LocalAws, operation: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(RpcError) as raised:
        OPERATIONS[operation](S3Bucket("nowhere-to-be-found", settings_of(aws.url)))
    assert raised.value.code is Code.UNAVAILABLE
    assert f"S3: {operation} on bucket nowhere-to-be-found rejected: NoSuchBucket; " in caplog.text


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_server_that_is_down_is_unavailable_and_the_log_has_no_address(
    operation: str, caplog: pytest.LogCaptureFixture
) -> None:
    with closed_port() as port, time_limit(1), pytest.raises(RpcError) as raised:
        OPERATIONS[operation](S3Bucket("profiles", settings_of(f"http://127.0.0.1:{port}")))
    assert raised.value.code is Code.UNAVAILABLE
    assert f"S3: {operation} on bucket profiles unreachable: EndpointConnectionError; " in caplog.text
    assert "127.0.0.1" not in caplog.text


def test_a_transient_failure_is_retried() -> None:
    found = Reply(status=200, headers={"Last-Modified": "Sun, 29 Nov 2026 07:00:00 GMT"})
    with scripted(Reply(status=503), Reply(status=0), found) as server:
        bucket = S3Bucket("profiles", settings_of(f"http://127.0.0.1:{server.port}"))
        assert bucket.get("a") == StoredObject(content=b"")
        assert server.requests == 3


def test_a_short_time_limit_allows_one_attempt() -> None:
    with scripted(Reply(status=503)) as server, time_limit(1), pytest.raises(RpcError):
        S3Bucket("profiles", settings_of(f"http://127.0.0.1:{server.port}")).get("a")
    assert server.requests == 1


def test_importing_the_package_imports_no_botocore() -> None:
    program = (
        "import sys, flamehouse.aws.s3, flamehouse.aws.secrets, adhoc.service; "
        "sys.exit(bool({'botocore.session', 'botocore.auth', 'boto3'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
