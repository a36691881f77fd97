"""Reads secrets from AWS Secrets Manager with botocore's signer over urllib3.

Every cold start of a querier reads one secret. boto3's client takes 180 ms of CPU; the signer takes 28 ms
(docs/adr/0014), because urllib3 is loaded anyway.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, cast

import urllib3

from flamehouse.aws.attempts import attempts
from flamehouse.settings import Settings

if TYPE_CHECKING:
    from botocore.credentials import Credentials

_SERVICE: Final = "secretsmanager"
_PASSING: Final = (500, 502, 503, 504)
_BACKOFF_S: Final = 0.2


class SecretError(Exception):
    """A secret that cannot be read. The message says why and contains no part of the secret."""


class SecretsManager:
    """The secrets in AWS Secrets Manager, each in the region of its ARN."""

    def __init__(self, settings: Settings) -> None:
        self._endpoint = settings.aws_endpoint_url_secrets_manager

    def read(self, arn: str, setting: str) -> str:
        """Return the current text of the secret whose ARN `setting` has. Raises SecretError."""
        parts = arn.split(":")
        if len(parts) < 7 or parts[2] != _SERVICE:
            raise SecretError(f"{setting} is not the ARN of a secret")
        partition, region = parts[1], parts[3]
        url = self._endpoint or f"https://{_SERVICE}.{region}.{_domain(partition, setting)}"
        body = json.dumps({"SecretId": arn, "VersionStage": "AWSCURRENT"}).encode()
        return _secret_string(_post(url, _signed(url, region, body), body))


def _domain(partition: str, setting: str) -> str:
    """Return the domain of a partition's services, such as amazonaws.com for `aws`."""
    from botocore.loaders import create_loader  # noqa: PLC0415  # on first use

    partitions = create_loader().load_data("partitions")["partitions"]
    for each in partitions:
        if each["id"] == partition:
            return str(each["outputs"]["dnsSuffix"])
    raise SecretError(f"{setting} names an unknown partition: {partition}")


def _signed(url: str, region: str, body: bytes) -> dict[str, str]:
    """Return the headers of a signed GetSecretValue request."""
    from botocore.auth import SigV4Auth  # noqa: PLC0415  # on first use
    from botocore.awsrequest import AWSRequest  # noqa: PLC0415  # likewise

    headers = {
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": f"{_SERVICE}.GetSecretValue",
    }
    request = AWSRequest("POST", url, headers=headers, data=body)
    credentials = cast("Credentials", _credentials())
    SigV4Auth(credentials, _SERVICE, region).add_auth(request)
    return dict(request.headers.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Keys:
    """The attributes of botocore's credentials that the signer reads; botocore's own class takes 9 ms to import."""

    access_key: str
    secret_key: str = field(repr=False)
    token: str | None = field(repr=False)


def _credentials() -> "_Keys | Credentials":
    """Return the credentials in the environment, which Lambda sets, or else the first that botocore finds."""
    environ = os.environ
    if environ.get("AWS_ACCESS_KEY_ID") and environ.get("AWS_SECRET_ACCESS_KEY"):
        return _Keys(
            access_key=environ["AWS_ACCESS_KEY_ID"],
            secret_key=environ["AWS_SECRET_ACCESS_KEY"],
            token=environ.get("AWS_SESSION_TOKEN"),
        )
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415  # on first use
    from botocore.session import Session  # noqa: PLC0415  # 100 ms more, not needed on Lambda

    try:
        found: Credentials | None = Session().get_credentials()
    except BotoCoreError as error:
        raise SecretError(f"the AWS credentials cannot be read: {type(error).__name__}") from None
    if found is None:
        raise SecretError("no AWS credentials found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
    return found


def _post(url: str, headers: Mapping[str, str], body: bytes) -> bytes:
    allowed = attempts()
    retries = urllib3.Retry(
        allowed.count - 1,
        backoff_factor=_BACKOFF_S,
        allowed_methods=None,
        status_forcelist=_PASSING,
        raise_on_status=False,
    )
    try:
        with urllib3.PoolManager(timeout=allowed.timeout_s, retries=retries) as http:
            response = http.request("POST", url, headers=headers, body=body)
    except urllib3.exceptions.HTTPError as error:
        # urllib3 wraps the error of the last attempt.
        reason = getattr(error, "reason", None) or error
        raise SecretError(f"Secrets Manager is unreachable: {type(reason).__name__}") from None
    if response.status != 200:
        raise SecretError(f"Secrets Manager returned {response.status} {_error_type(response.data)}")
    return response.data


def _secret_string(body: bytes) -> str:
    try:
        return str(json.loads(body)["SecretString"])
    except (ValueError, KeyError, TypeError):
        raise SecretError("the secret has no text") from None


def _error_type(body: bytes) -> str:
    """Return the type of AWS's error, such as AccessDeniedException."""
    try:
        return str(json.loads(body)["__type"]).rpartition("#")[2]
    except (ValueError, KeyError, TypeError):
        return "without a reason"
