"""`flamehouse setup-sql`: prints SQL that creates ClickHouse roles and users, and writes secrets for the users."""

import json
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import click

from cli.database import database_settings
from flamehouse.errors import OperatorError
from flamehouse.settings import Settings
from flamehouse.store.connection.errors import exit_on_failure
from flamehouse.store.schema.roles import QRYN_USERS, USERS, User, roles_sql, user_name, user_sql

_PASSWORD_BYTES: Final = 24
_PORT: Final = 8443


@click.command(name="setup-sql")
@click.option(
    "--secrets", "folder", metavar="FOLDER", help="Write a secret for each user to FOLDER/USER.json."
)
@click.option("--host", help="ClickHouse's host, for the secrets.")
@click.option(
    "--port", type=int, default=_PORT, show_default=True, help="ClickHouse's HTTPS port, for the secrets."
)
@click.option(
    "--qryn-input",
    is_flag=True,
    help="Also print the rights and the user for the tables of migrate --qryn-input.",
)
def setup_sql(*, folder: str | None, host: str | None, port: int, qryn_input: bool) -> None:
    """Print the SQL that creates ClickHouse's roles, and with --secrets its users; an administrator runs it.

    Passwords are random and new each time. The SQL contains their hashes; the files in FOLDER contain the passwords.
    """
    with exit_on_failure():
        settings = database_settings()
        # The text is complete before anything is printed or written.
        text = roles_sql(settings, qryn_input=qryn_input)
        if folder is not None:
            if not host:
                raise OperatorError("--secrets needs --host, the host name of ClickHouse")
            users = QRYN_USERS if qryn_input else USERS
            text += "".join(_users(settings, users, Path(folder), host, port))
    click.echo(text)


def _users(
    settings: Settings, users: Mapping[str, Sequence[str]], folder: Path, host: str, port: int
) -> Iterator[str]:
    """Return the SQL of each user, and write its secret."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise OperatorError(f"cannot write {folder}: {error.strerror}") from error
    for key, roles in users.items():
        user = User(
            key=key,
            name=user_name(settings.clickhouse_database, key),
            password=secrets.token_urlsafe(_PASSWORD_BYTES),
        )
        _write_secret(folder / f"{key}.json", user, host, port)
        yield f"\n\n{user_sql(settings, user, roles)}"


def _write_secret(file: Path, user: User, host: str, port: int) -> None:
    """Write a new file that only its owner can read.

    Raises: OperatorError if the file exists: its password may be in use.
    """
    secret = {"host": host, "port": port, "user": user.name, "password": user.password}
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise OperatorError(f"{file} exists: delete it to create new passwords") from error
    except OSError as error:
        raise OperatorError(f"cannot write {file}: {error.strerror}") from error
    with os.fdopen(descriptor, "w") as out:
        out.write(json.dumps(secret))
