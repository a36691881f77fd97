"""The part of the AWS CLI that docs/deploy.md uses, by boto3: python -m tools.aws_command SERVICE OPERATION [--OPTION VALUE...].

The services are those of moto's server, as AWS_ENDPOINT_URL names it. The CLI itself is not on PyPI in version 2.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import boto3

_FILE: Final = "file://"
_FLAGS: Final = {"force-delete-without-recovery"}
_OF_OUTPUT: Final = {"query", "output"}
_RENAMED: Final = {"notification-endpoint": "Endpoint"}
"""Options that the CLI names unlike the API."""


def main(arguments: Sequence[str]) -> None:
    """Run one operation, and print the member of its response that --query names."""
    service, operation, *rest = arguments
    options = _options(rest)
    request = {
        _RENAMED.get(name, _pascal(name)): value for name, value in options.items() if name not in _OF_OUTPUT
    }
    response: Any = getattr(boto3.client(service), operation.replace("-", "_"))(**request)  # type: ignore[call-overload]  # any service
    if "query" in options:
        print(response[options["query"]])


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
