"""Reading a secret of AWS Secrets Manager with one request of our own."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime

import urllib3

from flamehouse.aws.sigv4 import AwsRequest, domain_of, signed
from flamehouse.deadline import time_left
from flamehouse.settings import Settings

_SERVICE = "secretsmanager"
_TIMEOUT_S = 3
_ATTEMPTS = 2


class SecretError(Exception):
    """A secret that cannot be read, and why; no part of it is in the message."""


def read_secret(arn: str, settings: Settings) -> str:
    """The current text of the secret. SecretError where AWS refuses, does not answer or `arn` is none."""
    parts = arn.split(":")
    if len(parts) < 7 or parts[2] != _SERVICE:
        raise SecretError("CLICKHOUSE_SECRET_ARN is not the ARN of a secret")
    region = parts[3]
    url = urllib3.util.parse_url(
        settings.aws_endpoint_url_secrets_manager or f"https://{_SERVICE}.{region}.{domain_of(region)}"
    )
    body = json.dumps({"SecretId": arn}).encode()
    headers = {
        "Content-Type": "application/x-amz-json-1.1",
        "Host": url.netloc or "",
        "X-Amz-Target": f"{_SERVICE}.GetSecretValue",
    }
    request = AwsRequest(service=_SERVICE, region=region, headers=headers, body=body)
    return _secret_string(_post(url.url, signed(request, settings, datetime.now(UTC)), body))


def _post(url: str, headers: Mapping[str, str], body: bytes) -> bytes:
    retries = urllib3.Retry(
        _ATTEMPTS - 1, allowed_methods=None, status_forcelist=(500, 502, 503, 504), raise_on_status=False
    )
    try:
        with urllib3.PoolManager() as http:
            timeout = time_left(_TIMEOUT_S)
            response = http.request("POST", url, headers=headers, body=body, timeout=timeout, retries=retries)
    except urllib3.exceptions.HTTPError as error:
        # urllib3 wraps what became of the last attempt.
        reason = getattr(error, "reason", None) or error
        raise SecretError(f"Secrets Manager cannot be reached: {type(reason).__name__}") from None
    if response.status != 200:
        raise SecretError(f"Secrets Manager answered {response.status} {_error_type(response.data)}")
    return response.data


def _secret_string(body: bytes) -> str:
    try:
        return str(json.loads(body)["SecretString"])
    except (ValueError, KeyError, TypeError):
        raise SecretError("the secret holds no text") from None


def _error_type(body: bytes) -> str:
    """What AWS calls its error, say AccessDeniedException."""
    try:
        return str(json.loads(body)["__type"]).rpartition("#")[2]
    except (ValueError, KeyError, TypeError):
        return "without a reason"
