"""Signing requests to AWS ourselves: boto3 would double the time of a cold start.

Signature version 4: docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from urllib.parse import quote

from flamehouse.settings import Settings

_PATH_SAFE: Final = "/-_.~"
_QUERY_SAFE: Final = "-_.~"
_SUFFIXES: Final = {"cn": "amazonaws.com.cn"}
"""The domain of services by the beginning of the region; that of most regions is amazonaws.com."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsRequest:
    """A request to a service, not signed yet. `path` and `query` are plain text, `headers` name the host."""

    service: str
    region: str
    method: str = "POST"
    path: str = "/"
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def target(self) -> str:
        """The path and the query as they are sent."""
        query = self.encoded_query
        return self.encoded_path + (f"?{query}" if query else "")

    @property
    def encoded_path(self) -> str:
        return quote(self.path, safe=_PATH_SAFE)

    @property
    def encoded_query(self) -> str:
        pairs = (
            (quote(name, safe=_QUERY_SAFE), quote(value, safe=_QUERY_SAFE))
            for name, value in self.query.items()
        )
        return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def domain_of(region: str) -> str:
    """The domain that AWS's services have in a region."""
    return _SUFFIXES.get(region.partition("-")[0], "amazonaws.com")


def signed(request: AwsRequest, settings: Settings, now: datetime) -> dict[str, str]:
    """The request's headers, with the date, the session and a signature of all of them, for the time `now` in UTC."""
    stamp = now.strftime("%Y%m%dT%H%M%SZ")
    headers = {**request.headers, "X-Amz-Date": stamp}
    if settings.aws_session_token:
        headers["X-Amz-Security-Token"] = settings.aws_session_token
    canonical = {name.lower(): value.strip() for name, value in sorted(headers.items(), key=_lower)}
    names = ";".join(canonical)
    text = "\n".join(
        (
            request.method,
            request.encoded_path,
            request.encoded_query,
            *(f"{name}:{value}" for name, value in canonical.items()),
            "",
            names,
            sha256_hex(request.body),
        )
    )
    scope = f"{stamp[:8]}/{request.region}/{request.service}/aws4_request"
    to_sign = "\n".join(("AWS4-HMAC-SHA256", stamp, scope, sha256_hex(text.encode())))
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


def sha256_hex(data: bytes) -> str:
    """The hash of a body, as headers and signatures have it."""
    return hashlib.sha256(data).hexdigest()


def _lower(header: tuple[str, str]) -> str:
    return header[0].lower()
