"""Secrets are read with valid signed requests: moto recomputes the signature and checks the policy."""

import json
from collections.abc import Iterator
from pathlib import Path

import boto3
import httpx
import pytest

from flamehouse.aws.secrets import SecretError, SecretsManager, _domain
from flamehouse.settings import Settings
from tests.support.servers.scripted import Reply, scripted
from tools.aws import REGION, LocalAws, LocalSecret

ARN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:clickhouse-AbCdEf"
POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "*"}],
}


@pytest.fixture
def secret(aws: LocalAws) -> LocalSecret:
    return aws.new_secret("the text")


def read(url: str, arn: str) -> str:
    return SecretsManager(Settings(aws_endpoint_url_secrets_manager=url)).read(arn, "CLICKHOUSE_SECRET_ARN")


@pytest.fixture
def user(aws: LocalAws) -> Iterator[tuple[str, str]]:
    """The keys of a user who may read secrets, on a server that checks permissions."""
    iam = boto3.client(
        "iam",
        region_name=REGION,
        endpoint_url=aws.url,
        aws_access_key_id=aws.access_key_id,
        aws_secret_access_key=aws.secret_access_key,
    )
    iam.create_user(UserName="reader")
    iam.put_user_policy(UserName="reader", PolicyName="read", PolicyDocument=json.dumps(POLICY))
    key = iam.create_access_key(UserName="reader")["AccessKey"]
    httpx.post(f"{aws.url}/moto-api/reset-auth", content=b"0")
    yield key["AccessKeyId"], key["SecretAccessKey"]
    httpx.post(f"{aws.url}/moto-api/reset-auth", content=b"inf")


def test_only_a_request_signed_with_the_right_key_is_accepted(
    aws: LocalAws, secret: LocalSecret, user: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", user[0])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", user[1])
    assert read(aws.url, secret.arn) == "the text"
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    with pytest.raises(SecretError, match="403"):
        read(aws.url, secret.arn)


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("failure", [Reply(status=503), Reply(status=0)])
def test_a_transient_failure_is_retried(failure: Reply) -> None:
    with scripted(failure, failure, Reply(status=200, body=b'{"SecretString": "x"}')) as server:
        assert read(f"http://127.0.0.1:{server.port}", ARN) == "x"
        assert server.requests == 3


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply(status=503), "503 without a reason"),
        (Reply(status=400, body=b'{"__type": "com.amazonaws#AccessDeniedException"}'), "400 AccessDenied"),
        (Reply(status=200, body=b'{"SecretBinary": "eA=="}'), "the secret has no text"),
    ],
)
def test_an_unreadable_secret_is_reported_with_its_reason(reply: Reply, reason: str) -> None:
    with scripted(reply) as server, pytest.raises(SecretError, match=reason):
        read(f"http://127.0.0.1:{server.port}", ARN)


def test_without_credentials_the_message_names_the_variables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(SecretError, match="AWS_ACCESS_KEY_ID"):
        read("http://127.0.0.1:1", ARN)


@pytest.mark.parametrize(
    ("partition", "domain"),
    [("aws", "amazonaws.com"), ("aws-cn", "amazonaws.com.cn"), ("aws-us-gov", "amazonaws.com")],
)
def test_each_partition_has_its_own_domain(partition: str, domain: str) -> None:
    assert _domain(partition, "CLICKHOUSE_SECRET_ARN") == domain
