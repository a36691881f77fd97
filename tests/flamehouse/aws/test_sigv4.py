"""Requests to AWS are signed as AWS's own SDK signs them."""

from datetime import UTC, datetime

import pytest

from flamehouse.aws.sigv4 import AwsRequest, domain_of, sha256_hex, signed
from flamehouse.settings import Settings

KEYS = Settings(
    aws_access_key_id="AKIDEXAMPLE",
    aws_secret_access_key="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    aws_session_token="the-session",
)
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
HEADERS = {
    "Content-Type": "application/x-amz-json-1.1",
    "Host": "secretsmanager.eu-central-1.amazonaws.com",
    "X-Amz-Target": "secretsmanager.GetSecretValue",
}
BODY = b'{"SecretId": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:clickhouse-AbCdEf"}'
REQUEST = AwsRequest(service="secretsmanager", region="eu-central-1", headers=HEADERS, body=BODY)
BY_BOTOCORE = (
    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261122/eu-central-1/secretsmanager/aws4_request, "
    "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target, "
    "Signature=e06112bef8e9ece488cbddf214ec515b8be2292ed8932774a5b6d61575eb7c93"
)
S3_HEADERS = {"Host": "bucket.s3.eu-central-1.amazonaws.com"}
LIST = {"list-type": "2", "prefix": "te am/", "continuation-token": "a+b/c="}
TO_S3 = {
    "97c741aeb6166f3e5f590b68f6d738d02a97abc54c12e6bc4fcc6f6eeaa227c4": AwsRequest(
        service="s3",
        region="eu-central-1",
        method="PUT",
        path="/team!'(*)/01-a.pprof",
        headers={**S3_HEADERS, "X-Amz-Content-SHA256": sha256_hex(b"content")},
        body=b"content",
    ),
    "5fba482a3210a4c9abf6f3de688a42f365e77890c6ac2ef337181abb4960142a": AwsRequest(
        service="s3",
        region="eu-central-1",
        method="GET",
        query=LIST,
        headers={**S3_HEADERS, "X-Amz-Content-SHA256": sha256_hex(b"")},
    ),
}
"""Requests by the signature that botocore's S3SigV4Auth makes for them."""


@pytest.mark.parametrize("signature", TO_S3)
def test_a_request_to_s3_is_signed_as_by_botocore(signature: str) -> None:
    headers = signed(TO_S3[signature], KEYS, NOW)
    assert headers["Authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261122/eu-central-1/s3/aws4_request, "
        "SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token, "
        f"Signature={signature}"
    )


def test_what_is_sent_is_what_was_signed() -> None:
    put, listing = TO_S3.values()
    assert put.target == "/team%21%27%28%2A%29/01-a.pprof"
    assert listing.target == "/?continuation-token=a%2Bb%2Fc%3D&list-type=2&prefix=te%20am%2F"


@pytest.mark.parametrize(
    ("region", "domain"), [("eu-central-1", "amazonaws.com"), ("cn-north-1", "amazonaws.com.cn")]
)
def test_a_region_has_its_domain(region: str, domain: str) -> None:
    assert domain_of(region) == domain


def test_the_signature_is_that_of_botocore() -> None:
    headers = signed(REQUEST, KEYS, NOW)
    assert headers["Authorization"] == BY_BOTOCORE
    assert (headers["X-Amz-Date"], headers["X-Amz-Security-Token"]) == ("20261122T120000Z", "the-session")
