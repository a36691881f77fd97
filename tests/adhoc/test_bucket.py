"""Ad hoc profiles in a bucket: kept, found again, listed over pages, and told apart by tenant."""

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from adhoc.storage.bucket import Bucket
from all_in_one import create_app
from flamehouse.services import Services
from flamehouse.settings import Settings
from tests.support.servers.client import Client
from tests.support.servers.doubles import CannedStore
from tests.support.servers.scripted import Reply, asleep, nobody_listens, scripted
from tests.support.uploads.adhoc_files import AdHoc
from tools.s3 import S3, serving_bucket
from tools.signature import Key

KEY = Key(id="AKIDTEST", secret="secret")
ODD_TENANT = "team!'(*)-_."


@pytest.fixture
def s3() -> Iterator[S3]:
    with serving_bucket("profiles", KEY) as service:
        yield service


@pytest.fixture
def settings(s3: S3) -> Settings:
    return Settings(
        adhoc_profiles="s3://profiles",
        aws_access_key_id=KEY.id,
        aws_secret_access_key=KEY.secret,
        aws_region="eu-central-1",
        aws_endpoint_url_s3=s3.url,
    )


def on(settings: Settings, tenant: str) -> AdHoc:
    services = Services(settings=settings, store=CannedStore())
    return AdHoc(client=Client(server=create_app(lambda: services), tenant=tenant))


@pytest.mark.parametrize("tenant", ["anonymous", ODD_TENANT])
def test_a_file_is_an_object_below_its_tenant(s3: S3, settings: Settings, tenant: str) -> None:
    adhoc = on(settings, tenant)
    answer = adhoc.upload(b"a;b 1", "stacks.txt")
    assert s3.objects == {f"{tenant}/{answer.id}": b"a;b 1"}
    assert adhoc.get(answer.id) == answer
    assert [each.id for each in adhoc.list_()] == [answer.id]
    assert adhoc.diff(answer.id, answer.id).profile_types == ["stacks.txt"]


def test_a_tenant_whose_name_begins_as_anothers_has_files_of_its_own(s3: S3, settings: Settings) -> None:
    id_ = on(settings, "team-a").upload(b"a 1", "mine").id
    other = on(settings, "team")
    assert other.list_() == []
    assert other.refusal("Get", id=id_)[:2] == (404, "not_found")
    assert len(s3.objects) == 1


def test_files_are_listed_over_pages(s3: S3, settings: Settings) -> None:
    s3.page = 2
    adhoc = on(settings, ODD_TENANT)
    ids = {adhoc.upload(b"a 1", "a").id for _ in range(5)}
    assert {each.id for each in adhoc.list_()} == ids


@pytest.mark.parametrize(
    "changes", [{"aws_secret_access_key": "another"}, {"adhoc_profiles": "s3://somebody-elses"}]
)
def test_a_bucket_that_refuses_is_unavailable_and_the_log_says_why(
    settings: Settings, changes: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    adhoc = on(replace(settings, **changes), "anonymous")  # type: ignore[arg-type]  # texts alone
    assert adhoc.refused_file(b"a 1", "a")[:2] == (503, "unavailable")
    assert adhoc.refusal("List")[:2] == (503, "unavailable")
    assert "S3 answered 40" in caplog.text


def test_a_bucket_that_does_not_answer_is_unavailable(settings: Settings) -> None:
    with nobody_listens() as port:
        adhoc = on(replace(settings, aws_endpoint_url_s3=f"http://127.0.0.1:{port}"), "anonymous")
        assert adhoc.refused_file(b"a 1", "a")[:2] == (503, "unavailable")


def test_a_bucket_that_hangs_takes_no_more_than_the_clients_time(settings: Settings) -> None:
    with asleep() as port:
        client = on(replace(settings, aws_endpoint_url_s3=f"http://127.0.0.1:{port}"), "anonymous").client
        started = time.monotonic()
        headers = {"Content-Type": "application/json", "Connect-Timeout-Ms": "800"}
        response = client.send("POST", "/adhocprofiles.v1.AdHocProfileService/List", b"{}", headers)
        assert time.monotonic() - started < 3.5  # an attempt alone may take longer
    assert (response.status_code, response.json()["code"]) == (504, "deadline_exceeded")


def test_a_failure_of_the_bucket_that_passes_is_outlived(settings: Settings) -> None:
    with scripted(Reply(status=503), Reply(status=0), Reply(status=200)) as server:
        at = replace(settings, aws_endpoint_url_s3=f"http://127.0.0.1:{server.port}")
        assert Bucket("profiles", at).get("anonymous", "a") == b""
        assert server.requests == 3


@pytest.mark.parametrize(
    ("bucket", "region", "host"),
    [
        ("profiles", "eu-central-1", "https://profiles.s3.eu-central-1.amazonaws.com"),
        ("profiles", "cn-north-1", "https://profiles.s3.cn-north-1.amazonaws.com.cn"),
        ("with.dots", "us-east-1", "https://s3.us-east-1.amazonaws.com"),
    ],
)
def test_a_bucket_is_where_its_region_has_it(bucket: str, region: str, host: str) -> None:
    assert Bucket(bucket, Settings(aws_region=region)).url == host
