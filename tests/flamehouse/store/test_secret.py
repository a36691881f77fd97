"""Requests to Secrets Manager are signed as AWS's own SDK signs them."""

from datetime import UTC, datetime

from flamehouse.settings import Settings
from flamehouse.store.secret import signed

HEADERS = {
    "Content-Type": "application/x-amz-json-1.1",
    "Host": "secretsmanager.eu-central-1.amazonaws.com",
    "X-Amz-Target": "secretsmanager.GetSecretValue",
}
BODY = b'{"SecretId": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:clickhouse-AbCdEf"}'
BY_BOTOCORE = (
    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261122/eu-central-1/secretsmanager/aws4_request, "
    "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target, "
    "Signature=e06112bef8e9ece488cbddf214ec515b8be2292ed8932774a5b6d61575eb7c93"
)


def test_the_signature_is_that_of_botocore() -> None:
    settings = Settings(
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
        aws_session_token="the-session",
    )
    now = datetime(2026, 11, 22, 12, tzinfo=UTC)
    headers = signed(HEADERS, BODY, "eu-central-1", settings, now)
    assert headers["Authorization"] == BY_BOTOCORE
    assert (headers["X-Amz-Date"], headers["X-Amz-Security-Token"]) == ("20261122T120000Z", "the-session")
