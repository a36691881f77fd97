"""Blob storage in a bucket and in a folder: the same behavior behind one interface."""

import time
from pathlib import Path

import pytest

from flamehouse.aws.objects import ObjectInfo, ObjectStorage, StoredObject
from flamehouse.blobs import blobs_of, storage_of
from flamehouse.errors import Code, RpcError
from flamehouse.settings import Settings
from flamehouse.units import NS_PER_S
from tools.aws import REGION, LocalAws

METADATA = {"service": "checkout", "labels": "env=prod"}
ODD_KEY = "drops/team!'(*)-_./a b+c=ü%41&.pprof"


@pytest.fixture(params=["bucket", "folder"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStorage:
    if request.param == "folder":
        return storage_of(str(tmp_path / "blobs"), Settings())
    aws: LocalAws = request.getfixturevalue("aws")
    settings = Settings(aws_region=REGION, aws_endpoint_url_s3=aws.url)
    return storage_of(f"s3://{aws.new_bucket().name}", settings)


@pytest.mark.parametrize("key", ["a", "staged/team/2026-11-29/07/ab", ODD_KEY])
@pytest.mark.parametrize("metadata", [{}, METADATA])
def test_an_object_is_read_as_it_was_put(storage: ObjectStorage, key: str, metadata: dict[str, str]) -> None:
    storage.put(key, b"before", METADATA)
    storage.put(key, b"content", metadata)
    assert storage.get(key) == StoredObject(content=b"content", metadata=metadata)
    assert storage.head(key) == ObjectInfo(key=key, size=7, metadata=metadata)
    assert list(storage.list("")) == [ObjectInfo(key=key, size=7)]


def test_an_object_reports_when_it_was_put(storage: ObjectStorage) -> None:
    began = time.time_ns()
    storage.put("a", b"content")
    found, head, (listed,) = storage.get("a"), storage.head("a"), storage.list("")
    assert found is not None
    assert head is not None
    for each in (found, head, listed):
        assert began - 2 * NS_PER_S <= each.modified_ns <= time.time_ns()


def test_a_deleted_object_is_missing_and_may_be_deleted_again(storage: ObjectStorage) -> None:
    storage.put("a/b", b"content", METADATA)
    for _ in range(2):
        storage.delete("a/b")
    assert (storage.get("a/b"), storage.head("a/b"), list(storage.list(""))) == (None, None, [])
    storage.put("a/b", b"again")
    assert storage.get("a/b") == StoredObject(content=b"again")


@pytest.mark.parametrize("key", ["a", "a/b/c", "z"])
def test_a_key_without_an_object_is_missing(storage: ObjectStorage, key: str) -> None:
    storage.put("a/b", b"content")
    assert (storage.get(key), storage.head(key)) == (None, None)
    storage.delete(key)
    assert [each.key for each in storage.list("")] == ["a/b"]


def test_a_listing_is_sorted_and_stops_at_the_prefix(storage: ObjectStorage) -> None:
    for key in ("t-a/1", "t/b/5", "t/a", "t/b.c", "t/B", "t/ü", "ts/1"):
        storage.put(key, b"x")
    assert [each.key for each in storage.list("t/")] == ["t/B", "t/a", "t/b.c", "t/b/5", "t/ü"]
    assert [each.key for each in storage.list("t/b")] == ["t/b.c", "t/b/5"]
    assert list(storage.list("nothing/")) == []


@pytest.mark.parametrize(
    "key", ["", "/a", "a//b", "a/", "../a", "a/../b", "./a", "a\0b", ".flamehouse-metadata/a"]
)
def test_a_key_of_a_folder_is_a_path_below_it(tmp_path: Path, key: str) -> None:
    folder = storage_of(str(tmp_path / "blobs"), Settings())
    with pytest.raises(ValueError, match="invalid key"):
        folder.put(key, b"content")
    with pytest.raises(ValueError, match="invalid key"):
        folder.get(key)
    assert list(tmp_path.rglob("*")) == []


def test_a_file_copied_into_a_folder_is_an_object(tmp_path: Path) -> None:
    (tmp_path / "drops" / "me").mkdir(parents=True)
    (tmp_path / "drops" / "me" / "cpu.pprof").write_bytes(b"content")
    folder = storage_of(str(tmp_path), Settings())
    assert [each.key for each in folder.list("drops/")] == ["drops/me/cpu.pprof"]
    assert folder.get("drops/me/cpu.pprof") == StoredObject(content=b"content")


def test_a_folder_that_cannot_be_used_is_unavailable_and_the_log_says_why(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(RpcError) as raised:
        storage_of(str(tmp_path / "file"), Settings()).put("a/b", b"content")
    assert raised.value.code is Code.UNAVAILABLE
    assert f"the folder {tmp_path / 'file'} cannot be used: " in caplog.text


def test_a_version_of_an_object_is_read_by_its_id(aws: LocalAws) -> None:
    bucket = aws.new_bucket()
    bucket.client.put_bucket_versioning(Bucket=bucket.name, VersioningConfiguration={"Status": "Enabled"})
    first = bucket.client.put_object(Bucket=bucket.name, Key="a", Body=b"first")["VersionId"]
    storage = storage_of(f"s3://{bucket.name}", Settings(aws_region=REGION, aws_endpoint_url_s3=aws.url))
    storage.put("a", b"second")
    assert storage.get("a") == StoredObject(content=b"second")
    storage.delete("a")
    assert storage.get("a") is None
    assert storage.get("a", first) == StoredObject(content=b"first")
    assert storage.head("a", first) == ObjectInfo(key="a", size=5)


def test_a_deployment_without_blobs_names_the_setting() -> None:
    with pytest.raises(RpcError, match="set BLOBS_DIR to a folder or to s3://BUCKET") as raised:
        blobs_of(Settings())
    assert raised.value.code is Code.FAILED_PRECONDITION
