"""Object storage in an S3 bucket, through boto3."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Final, TypedDict

from flamehouse.aws.boto import UNREACHABLE, Clients, failures
from flamehouse.aws.objects import ObjectInfo, StoredObject
from flamehouse.errors import Code, RpcError
from flamehouse.settings import Settings
from flamehouse.telemetry import events
from flamehouse.telemetry.log import log
from flamehouse.units import NS_PER_S

if TYPE_CHECKING:
    from botocore.config import Config
    from mypy_boto3_s3 import S3Client

_MISSING: Final = {"NoSuchKey", "NoSuchVersion", "404", "405"}
"""S3's error codes for a missing key or version, or a delete marker.

Responses to HEAD have no body, so their code is the status.
"""
_ADVICE: Final[Mapping[str, str]] = {
    "AccessDenied": "the role needs s3:GetObject, s3:PutObject, s3:DeleteObject and s3:ListBucket on the bucket",
    "NoSuchBucket": "the bucket does not exist in this region",
    **dict.fromkeys(
        ("InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken"), "check the AWS credentials"
    ),
}
"""Advice to the operator, by S3 error code."""
_REPORTED: Final = "see the error codes of Amazon S3"
_CONNECTION: Final = "check AWS_ENDPOINT_URL_S3, AWS_REGION, the credentials and the network"
_UNAVAILABLE: Final = "object storage is unavailable; retry in 30 seconds"


class _Version(TypedDict, total=False):
    """The version argument of an operation, if any."""

    VersionId: str


class _MissingKeyError(Exception):
    """The bucket has no object with that key."""


class S3Bucket:
    """An `ObjectStorage` of one bucket, usable from several threads.

    boto3 finds the credentials in the environment, a profile, or the machine's role. `page_size` is the number of keys
    per list request.
    """

    def __init__(self, name: str, settings: Settings, page_size: int = 1_000) -> None:
        self._name = name
        self._region = settings.aws_region or None
        self._endpoint = settings.aws_endpoint_url_s3 or None
        self._page_size = page_size
        self._clients = Clients(self._new_client)

    def put(self, key: str, content: bytes, metadata: Mapping[str, str] | None = None) -> None:
        with self._failures("PutObject"):
            self._clients.client().put_object(
                Bucket=self._name, Key=key, Body=content, Metadata=metadata or {}
            )

    def get(self, key: str, version: str = "") -> StoredObject | None:
        with suppress(_MissingKeyError), self._failures("GetObject"):
            response = self._clients.client().get_object(Bucket=self._name, Key=key, **_version(version))
            return StoredObject(
                content=response["Body"].read(),
                metadata=response["Metadata"],
                modified_ns=_ns(response["LastModified"]),
            )
        return None

    def head(self, key: str, version: str = "") -> ObjectInfo | None:
        with suppress(_MissingKeyError), self._failures("HeadObject"):
            response = self._clients.client().head_object(Bucket=self._name, Key=key, **_version(version))
            return ObjectInfo(
                key=key,
                size=response["ContentLength"],
                metadata=response["Metadata"],
                modified_ns=_ns(response["LastModified"]),
            )
        return None

    def delete(self, key: str, version: str = "") -> None:
        with self._failures("DeleteObject"):
            self._clients.client().delete_object(Bucket=self._name, Key=key, **_version(version))

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        with self._failures("ListObjectsV2"):
            pages = (
                self._clients.client()
                .get_paginator("list_objects_v2")
                .paginate(Bucket=self._name, Prefix=prefix, PaginationConfig={"PageSize": self._page_size})
            )
            for page in pages:
                for each in page.get("Contents", ()):
                    yield ObjectInfo(
                        key=each["Key"], size=each["Size"], modified_ns=_ns(each["LastModified"])
                    )

    def _new_client(self, config: "Config") -> "S3Client":
        import boto3  # noqa: PLC0415  # 150 ms, paid by the first request that needs it
        from botocore.config import Config  # noqa: PLC0415  # likewise

        # S3 servers other than AWS's may have no host name for each bucket.
        style = Config(s3={"addressing_style": "path" if self._endpoint else "auto"})
        session = boto3.Session(region_name=self._region)
        return session.client("s3", endpoint_url=self._endpoint, config=config.merge(style))

    def _failures(self, operation: str) -> AbstractContextManager[None]:
        """Convert failures of S3 to RpcError(UNAVAILABLE) and one log line, a missing key to _MissingKeyError."""
        instead = dict.fromkeys(_MISSING, _MissingKeyError())
        return failures(partial(self._log, operation), RpcError(Code.UNAVAILABLE, _UNAVAILABLE), instead)

    def _log(self, operation: str, kind: str, code: str) -> None:
        advice = _CONNECTION if kind == UNREACHABLE else _ADVICE.get(code, _REPORTED)
        log(events.S3_FAILED, kind=kind, operation=operation, bucket=self._name, reason=code, advice=advice)


def _version(version: str) -> "_Version":
    return {"VersionId": version} if version else {}


def _ns(time: datetime) -> int:
    return int(time.timestamp()) * NS_PER_S
