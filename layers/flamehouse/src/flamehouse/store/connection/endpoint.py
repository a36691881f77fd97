"""The address and user of a ClickHouse server, from a DSN or from a secret in AWS Secrets Manager."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from flamehouse.aws.secrets import SecretError, SecretsManager
from flamehouse.settings import Settings

_HTTPS_PORT = 8443
_HTTP_PORT = 8123


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """The HTTP interface of a server, and a user; the repr omits the password."""

    secure: bool
    host: str
    port: int
    user: str
    password: str = field(repr=False)


def endpoint_source(settings: Settings) -> Callable[[], Endpoint]:
    """Return a function that reads the current endpoint, from the secret in `settings` or else from the DSN.

    It raises SecretError if the secret cannot be read.
    """
    arn = settings.clickhouse_secret_arn
    if arn:
        secrets = SecretsManager(settings)
        return lambda: endpoint_of_secret(secrets.read(arn, "CLICKHOUSE_SECRET_ARN"))
    return lambda: endpoint_of_dsn(settings.clickhouse_dsn)


def endpoint_of_dsn(dsn: str) -> Endpoint:
    """The endpoint of `https://user:password@host:port`, where user and password are percent-encoded."""
    url = urlsplit(dsn)
    secure = url.scheme == "https"
    return Endpoint(
        secure=secure,
        host=url.hostname or "localhost",
        port=url.port or (_HTTPS_PORT if secure else _HTTP_PORT),
        user=unquote(url.username or "default"),
        password=unquote(url.password or ""),
    )


def endpoint_of_secret(text: str) -> Endpoint:
    """The endpoint in a secret's JSON: host, user, password, and port if it is not 8443.

    `"secure": false` is for a server on the same machine. Raises SecretError, which names the missing field
    and contains no values.
    """
    try:
        secret = json.loads(text)
        return Endpoint(
            secure=bool(secret.get("secure", True)),
            host=str(secret["host"]),
            port=int(secret.get("port", _HTTPS_PORT)),
            user=str(secret["user"]),
            password=str(secret["password"]),
        )
    except KeyError as error:
        raise SecretError(f"the secret has no {error}") from None
    except (ValueError, TypeError, AttributeError):
        raise SecretError("the secret is not a JSON object with host, port, user and password") from None
