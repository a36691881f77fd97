"""Checking what AWS checks of every request: that it is signed with a key that is known (signature version 4).

docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hashlib
import hmac
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from email.message import Message
from functools import reduce
from typing import Final

_AUTHORIZATION: Final = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<id>\w+)/(?P<scope>\d{8}/[\w-]+/(?P<service>\w+)/aws4_request), "
    r"SignedHeaders=(?P<names>[\w;-]+), Signature=(?P<signature>[0-9a-f]{64})"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A pair of keys that a service knows."""

    id: str
    secret: str = field(repr=False)


def is_signed(
    method: str, target: str, headers: Message, body: bytes, key: Key, must_be_signed: Collection[str]
) -> bool:
    """Whether the request to `target`, as it was sent, is signed with `key`, and the named headers with it."""
    found = _AUTHORIZATION.fullmatch(headers.get("Authorization", ""))
    if found is None or found["id"] != key.id:
        return False
    names = found["names"].split(";")
    if names != sorted(names) or not set(names) >= {"host", "x-amz-date", *must_be_signed}:
        return False
    path, _, query = target.partition("?")
    lines = "".join(f"{name}:{headers.get(name, '')}\n" for name in names)
    ordered = "&".join(sorted(query.split("&")))
    request = f"{method}\n{path}\n{ordered}\n{lines}\n{found['names']}\n{hashlib.sha256(body).hexdigest()}"
    digest = hashlib.sha256(request.encode()).hexdigest()
    message = f"AWS4-HMAC-SHA256\n{headers['X-Amz-Date']}\n{found['scope']}\n{digest}"
    signing = reduce(_hmac, found["scope"].split("/"), f"AWS4{key.secret}".encode())
    return hmac.compare_digest(_hmac(signing, message).hex(), found["signature"])


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()
