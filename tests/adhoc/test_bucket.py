"""Ad hoc profiles in a bucket: stored, read back, and separate for each tenant."""

import time
from dataclasses import replace

import pytest

from all_in_one import create_app
from flamehouse.services import Services
from flamehouse.settings import Settings
from tests.support.servers.client import Client
from tests.support.servers.doubles import CannedStore
from tests.support.servers.scripted import asleep, closed_port
from tests.support.uploads.adhoc_files import AdHoc
from tools.aws import LocalAws, LocalBucket

ODD_TENANT = "team!'(*)-_."


@pytest.fixture
def bucket(aws: LocalAws) -> LocalBucket:
    return aws.new_bucket()


@pytest.fixture
def settings(aws: LocalAws, bucket: LocalBucket) -> Settings:
    return Settings(
        adhoc_profiles=f"s3://{bucket.name}", aws_region="eu-central-1", aws_endpoint_url_s3=aws.url
    )


def on(settings: Settings, tenant: str) -> AdHoc:
    services = Services(settings=settings, store=CannedStore())
    return AdHoc(client=Client(server=create_app(lambda: services), tenant=tenant))


@pytest.mark.parametrize("tenant", ["anonymous", ODD_TENANT])
def test_a_file_is_an_object_below_its_tenant(bucket: LocalBucket, settings: Settings, tenant: str) -> None:
    adhoc = on(settings, tenant)
    response = adhoc.upload(b"a;b 1", "stacks.txt")
    assert bucket.objects() == {f"{tenant}/{response.id}": b"a;b 1"}
    assert adhoc.get(response.id) == response
    assert [each.id for each in adhoc.list_()] == [response.id]
    assert adhoc.diff(response.id, response.id).profile_types == ["stacks.txt"]


def test_a_tenant_whose_name_is_a_prefix_of_anothers_does_not_see_its_files(
    bucket: LocalBucket, settings: Settings
) -> None:
    id_ = on(settings, "team-a").upload(b"a 1", "mine").id
    other = on(settings, "team")
    assert other.list_() == []
    assert other.rejection("Get", id=id_)[:2] == (404, "not_found")
    assert len(bucket.objects()) == 1


def test_a_bucket_that_rejects_requests_is_unavailable_and_the_log_says_why(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    unlimited = replace(settings, adhoc_profiles="s3://of-another-account")
    adhoc = on(unlimited, "anonymous")
    assert adhoc.rejected_file(b"a 1", "a")[:2] == (503, "unavailable")
    assert adhoc.rejection("List")[:2] == (503, "unavailable")
    assert on(replace(unlimited, adhoc_quota_bytes=0), "anonymous").rejected_file(b"a 1", "a")[0] == 503
    assert "S3: ListObjectsV2 on bucket of-another-account rejected: NoSuchBucket" in caplog.text
    assert "S3: PutObject on bucket of-another-account rejected: NoSuchBucket" in caplog.text


def test_a_bucket_that_does_not_respond_is_unavailable(settings: Settings) -> None:
    with closed_port() as port:
        adhoc = on(replace(settings, aws_endpoint_url_s3=f"http://127.0.0.1:{port}"), "anonymous")
        assert adhoc.rejected_file(b"a 1", "a")[:2] == (503, "unavailable")


def test_a_bucket_that_hangs_takes_no_longer_than_the_clients_timeout(settings: Settings) -> None:
    with asleep() as port:
        client = on(replace(settings, aws_endpoint_url_s3=f"http://127.0.0.1:{port}"), "anonymous").client
        headers = {"Content-Type": "application/json", "Connect-Timeout-Ms": "800"}
        for _ in range(2):  # the first imports boto3
            started = time.monotonic()
            response = client.send("POST", "/adhocprofiles.v1.AdHocProfileService/List", b"{}", headers)
        assert time.monotonic() - started < 3.5  # a single attempt may take longer
    assert (response.status_code, response.json()["code"]) == (504, "deadline_exceeded")
