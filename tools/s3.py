"""S3 with one bucket, for one pair of keys: PutObject, GetObject and ListObjectsV2, signatures checked.

API: docs.aws.amazon.com/AmazonS3/latest/API. Buckets are named in the path.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

from tools.aws_service import serving_answers
from tools.signature import Key, is_signed

_PAGE: Final = 1_000
_MUST_BE_SIGNED: Final = {"x-amz-content-sha256"}


@dataclass(slots=True, kw_only=True)
class S3:
    """The service; `objects` are the bucket's, by key. `page` is how many keys an answer lists."""

    bucket: str
    key: Key
    objects: dict[str, bytes] = field(default_factory=dict)
    url: str = ""
    page: int = _PAGE

    def answer(self, method: str, target: str, headers: Message, body: bytes) -> tuple[int, bytes]:
        """The status and the body for one request."""
        if not is_signed(method, target, headers, body, self.key, _MUST_BE_SIGNED):
            return 403, _error("SignatureDoesNotMatch")
        if headers["X-Amz-Content-SHA256"] != hashlib.sha256(body).hexdigest():
            return 400, _error("XAmzContentSHA256Mismatch")
        url = urlsplit(target)
        bucket, _, key = unquote(url.path).removeprefix("/").partition("/")
        if bucket != self.bucket:
            return 404, _error("NoSuchBucket")
        if method == "PUT":
            self.objects[key] = body
            return 200, b""
        if key:
            content = self.objects.get(key)
            return (404, _error("NoSuchKey")) if content is None else (200, content)
        asked = {name: values[0] for name, values in parse_qs(url.query).items()}
        return 200, self._listed(asked.get("prefix", ""), asked.get("continuation-token", ""))

    def _listed(self, prefix: str, after: str) -> bytes:
        """A page of the keys after the one that the token names, in their order."""
        keys = sorted(key for key in self.objects if key.startswith(prefix) and key > after)
        shown = "".join(f"<Contents><Key>{escape(key)}</Key></Contents>" for key in keys[: self.page])
        more = ""
        if len(keys) > self.page:
            more = f"<NextContinuationToken>{escape(keys[self.page - 1])}</NextContinuationToken>"
        return f"<ListBucketResult>{more}{shown}</ListBucketResult>".encode()


def _error(code: str) -> bytes:
    return f"<Error><Code>{code}</Code></Error>".encode()


@contextmanager
def serving_bucket(bucket: str, key: Key) -> Iterator[S3]:
    """The service on a port of its own, with one empty bucket."""
    service = S3(bucket=bucket, key=key)
    with serving_answers(service.answer, "application/xml") as service.url:
        yield service
