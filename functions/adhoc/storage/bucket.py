"""Files kept in a bucket of S3, by requests of our own. The bucket's lifecycle deletes them in time.

API: docs.aws.amazon.com/AmazonS3/latest/API (PutObject, GetObject, ListObjectsV2).
"""

import html
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import count
from typing import Final

import urllib3

from adhoc.storage.base import out_of_reach
from flamehouse.aws.sigv4 import AwsRequest, domain_of, sha256_hex, signed
from flamehouse.deadline import has_time, time_left, time_limit
from flamehouse.errors import Code, RpcError
from flamehouse.settings import Settings

_log = logging.getLogger(__name__)

_SERVICE: Final = "s3"
_TIMEOUT_S: Final = 10
"""Of a request with all of its attempts."""
_ATTEMPT_S: Final = 4
_ATTEMPTS: Final = 3
_PASSING: Final = (500, 502, 503, 504)
_MAX_PAGES: Final = 20
"""Of a thousand names each."""
_KEY: Final = re.compile(rb"<Key>[^<]*/([^</]+)</Key>")
_NEXT: Final = re.compile(rb"<NextContinuationToken>([^<]+)</NextContinuationToken>")
_ERROR_CODE: Final = re.compile(rb"<Code>(\w+)</Code>")


class Bucket:
    """A bucket, each tenant's files below the tenant's name."""

    def __init__(self, name: str, settings: Settings) -> None:
        self._settings = settings
        self._root = ""
        if settings.aws_endpoint_url_s3 or "." in name:
            # A name with dots is none that S3's certificate covers.
            self._root = f"/{name}"
            url = settings.aws_endpoint_url_s3 or f"https://s3.{self._domain}"
        else:
            url = f"https://{name}.s3.{self._domain}"
        self.url = url
        self._host = urllib3.util.parse_url(url).netloc or ""

    def put(self, tenant: str, name: str, content: bytes) -> None:
        status, answer = self._ask("PUT", f"/{tenant}/{name}", body=content)
        if status != 200:
            raise _failed(status, answer)

    def get(self, tenant: str, name: str) -> bytes | None:
        status, answer = self._ask("GET", f"/{tenant}/{name}")
        if status == 404 and _error_code(answer) == "NoSuchKey":
            return None
        if status != 200:
            raise _failed(status, answer)
        return answer

    def names(self, tenant: str) -> Iterator[str]:
        """The names; RpcError resource_exhausted for a tenant with more than 20,000 files."""
        query = {"list-type": "2", "prefix": f"{tenant}/"}
        for _ in range(_MAX_PAGES):
            status, answer = self._ask("GET", "", query)
            if status != 200:
                raise _failed(status, answer)
            yield from (name.decode() for name in _KEY.findall(answer))
            following = _NEXT.search(answer)
            if following is None:
                return
            query["continuation-token"] = html.unescape(following[1].decode())
        raise RpcError(
            Code.RESOURCE_EXHAUSTED,
            f"there are more than {_MAX_PAGES},000 ad hoc profiles; they go with the retention",
        )

    def expire(self, tenant: str, is_over: Callable[[str], bool]) -> None:
        """Nothing to do: the lifecycle of the bucket does it."""

    @property
    def _domain(self) -> str:
        region = self._settings.aws_region
        return f"{region}.{domain_of(region)}"

    def _ask(
        self, method: str, path: str, query: Mapping[str, str] | None = None, body: bytes = b""
    ) -> tuple[int, bytes]:
        """The status and the body of an answer; RpcError unavailable where there is none."""
        request = AwsRequest(
            service=_SERVICE,
            region=self._settings.aws_region,
            method=method,
            path=self._root + path or "/",
            query=query or {},
            headers={"Host": self._host, "X-Amz-Content-SHA256": sha256_hex(body)},
            body=body,
        )
        headers = signed(request, self._settings, datetime.now(UTC))
        try:
            with time_limit(_TIMEOUT_S), urllib3.PoolManager() as http:
                response = _answer(
                    lambda timeout_s: http.request(
                        method,
                        f"{self.url}{request.target}",
                        body=body or None,
                        headers=headers,
                        timeout=timeout_s,
                        retries=False,
                    )
                )
        except urllib3.exceptions.HTTPError as error:
            reason = getattr(error, "reason", None) or error
            _log.error("the bucket of ad hoc profiles cannot be reached: %s", type(reason).__name__)
            raise out_of_reach() from None
        return response.status, response.data


def _answer(attempt: Callable[[float], urllib3.BaseHTTPResponse]) -> urllib3.BaseHTTPResponse:
    """What `attempt` gets within its seconds; it is made again, while there is time, where the failure may pass."""
    for made in count(1):
        again = made < _ATTEMPTS and has_time(_ATTEMPT_S)
        try:
            response = attempt(time_left(_ATTEMPT_S))
        except urllib3.exceptions.HTTPError:
            if not again:
                raise
            continue
        if response.status not in _PASSING or not again:
            break
    return response


def _error_code(answer: bytes) -> str:
    found = _ERROR_CODE.search(answer)
    return found[1].decode() if found else "without a reason"


def _failed(status: int, answer: bytes) -> RpcError:
    _log.error("S3 answered %s %s", status, _error_code(answer))
    return out_of_reach()
