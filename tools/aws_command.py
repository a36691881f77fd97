"""The part of the AWS CLI that docs/deploy.md and docs/s3.md use, implemented with boto3.

python -m tools.aws_command SERVICE OPERATION [--OPTION VALUE...], and s3 cp FILE URL [--metadata TEXT], s3 mv URL URL.

AWS_ENDPOINT_URL selects moto's server for all services. Version 2 of the real CLI is not on PyPI.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import boto3

_FILE: Final = "file://"
_FLAGS: Final = {"force-delete-without-recovery"}
_OF_OUTPUT: Final = {"query", "output"}
_RENAMED: Final = {"notification-endpoint": "Endpoint"}
"""Options whose names in the CLI differ from the API."""


def main(arguments: Sequence[str]) -> None:
    """Run one operation, and print the member of its response that --query names."""
    service, operation, *rest = arguments
    if service == "s3":
        _S3[operation](*rest)
        return
    options = _options(rest)
    request = {
        _RENAMED.get(name, _pascal(name)): value for name, value in options.items() if name not in _OF_OUTPUT
    }
    response: Any = getattr(boto3.client(service), operation.replace("-", "_"))(**request)  # type: ignore[call-overload]  # any service
    if "query" in options:
        print(response[options["query"]])


def _copy(file: str, to: str, metadata_option: str = "", metadata: str = "") -> None:
    if metadata_option not in {"", "--metadata"}:
        raise SystemExit(f"unknown option {metadata_option}: use --metadata")
    bucket, key = _place(to)
    name = Path(file).name if key.endswith("/") else ""
    fields = dict(each.split("=", 1) for each in metadata.split(",") if each)
    boto3.client("s3").put_object(
        Bucket=bucket, Key=key + name, Body=Path(file).read_bytes(), Metadata=fields
    )


def _move(source: str, to: str) -> None:
    from_bucket, from_key = _place(source)
    bucket, key = _place(to)
    s3 = boto3.client("s3")
    s3.copy_object(Bucket=bucket, Key=key, CopySource={"Bucket": from_bucket, "Key": from_key})
    s3.delete_object(Bucket=from_bucket, Key=from_key)


def _place(url: str) -> tuple[str, str]:
    """Return the bucket and the key of s3://BUCKET/KEY."""
    bucket, _, key = url.removeprefix("s3://").partition("/")
    return bucket, key


_S3: Final[Mapping[str, Callable[..., None]]] = {"cp": _copy, "mv": _move}


def _options(arguments: Sequence[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    rest = iter(arguments)
    for option in rest:
        name = option.removeprefix("--")
        value = True if name in _FLAGS else next(rest)
        if isinstance(value, str) and value.startswith(_FILE):
            value = Path(value.removeprefix(_FILE)).read_text()
        found[name] = value
    return found


def _pascal(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("-"))


if __name__ == "__main__":
    main(sys.argv[1:])
