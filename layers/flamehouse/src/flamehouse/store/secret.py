"""Reading a secret of AWS Secrets Manager with one request of our own: boto3 would double the time of a cold start.

Signing: docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime

import urllib3

from flamehouse.settings import Settings
from flamehouse.store.deadline import time_left

_SERVICE = "secretsmanager"
_TIMEOUT_S = 3
_ATTEMPTS = 2
_SUFFIXES = {"aws": "amazonaws.com", "aws-cn": "amazonaws.com.cn"}
"""The domain of each partition's services; that of the others is the first."""


class SecretError(Exception):
    """A secret that cannot be read, and why; no part of it is in the message."""


def read_secret(arn: str, settings: Settings) -> str:
    """The current text of the secret. SecretError where AWS refuses, does not answer or `arn` is none."""
    parts = arn.split(":")
    if len(parts) < 7 or parts[2] != _SERVICE:
        raise SecretError("clickhouse_secret_arn is not the ARN of a secret")
    partition, region = parts[1], parts[3]
    suffix = _SUFFIXES.get(partition, _SUFFIXES["aws"])
    url = urllib3.util.parse_url(
        settings.aws_endpoint_url_secrets_manager or f"https://{_SERVICE}.{region}.{suffix}"
    )
    body = json.dumps({"SecretId": arn}).encode()
    headers = {
        "Content-Type": "application/x-amz-json-1.1",
        "Host": url.netloc or "",
        "X-Amz-Target": f"{_SERVICE}.GetSecretValue",
    }
    return _secret_string(_post(url.url, signed(headers, body, region, settings, datetime.now(UTC)), body))


def signed(
    headers: Mapping[str, str], body: bytes, region: str, settings: Settings, now: datetime
) -> dict[str, str]:
    """The headers of a POST to `/`, with the date, the session and a signature (version 4) of all of them."""
    stamp = now.strftime("%Y%m%dT%H%M%SZ")
    headers = {**headers, "X-Amz-Date": stamp}
    if settings.aws_session_token:
        headers["X-Amz-Security-Token"] = settings.aws_session_token
    canonical = {name.lower(): value.strip() for name, value in sorted(headers.items(), key=_lower)}
    names = ";".join(canonical)
    request = "\n".join(
        ("POST", "/", "", *(f"{name}:{value}" for name, value in canonical.items()), "", names, _sha256(body))
    )
    scope = f"{stamp[:8]}/{region}/{_SERVICE}/aws4_request"
    to_sign = "\n".join(("AWS4-HMAC-SHA256", stamp, scope, _sha256(request.encode())))
    key = f"AWS4{settings.aws_secret_access_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    credential = f"{settings.aws_access_key_id}/{scope}"
    return {
        **headers,
        "Authorization": (
            f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={signature}"
        ),
    }


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


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _lower(header: tuple[str, str]) -> str:
    return header[0].lower()
