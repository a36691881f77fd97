"""`flamehouse doctor`: examines a database, the users of functions and a deployment, and gives advice."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import click

from cli.database import existing_database
from cli.deployment import examine_deployment
from cli.server import Server
from flamehouse.errors import OperatorError
from flamehouse.settings import Settings
from flamehouse.store.connection.client import ClickHouse
from flamehouse.store.connection.data_folder import STOP_SERVER, locked
from flamehouse.store.connection.endpoint import Endpoint, endpoint_of_secret
from flamehouse.store.connection.errors import exit_on_failure
from flamehouse.store.doctor.examine import USER_CHECKS, examine
from flamehouse.store.doctor.finding import Examination, Finding, Severity
from flamehouse.store.schema.roles import QRYN_ROLES, QRYN_USERS, ROLES, USERS


@click.command()
@click.option(
    "--role",
    type=click.Choice((*ROLES, *QRYN_ROLES)),
    default="migrate",
    show_default=True,
    help="The user whose grants to check.",
)
@click.option(
    "--secrets", "folder", type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="FOLDER"
)
@click.option("--url", help="Also examine this deployment: the output Url of the stack.")
@click.option("--credential", envvar="API_CREDENTIAL", default="", help="Its credential. [API_CREDENTIAL]")
def doctor(*, role: str, folder: Path | None, url: str | None, credential: str) -> None:
    """Examine ./data, DATA_DIR or CLICKHOUSE_DSN: one line per finding, and exit status 1 for a fault.

    It stores a test profile of a few bytes, for the tenant flamehouse-doctor. --secrets also examines the users in the
    files that setup-sql wrote.
    """
    with exit_on_failure():
        settings = existing_database()
        with locked(settings, STOP_SERVER):
            faults = _print(_of_database(settings, (role,)))
            for key, roles, user in _users(settings, folder):
                faults += _print(_of_user(user, roles), f"{key}: ")
        if url is not None:
            faults += _print(examine_deployment(Server(url=url, credential=credential)))
    if faults:
        raise OperatorError(f"{faults} fault{'s' if faults > 1 else ''} found")


def _of_database(settings: Settings, roles: tuple[str, ...]) -> Iterator[Finding]:
    with closing(ClickHouse(settings)) as clickhouse:
        yield from examine(Examination(clickhouse=clickhouse, settings=settings, roles=roles))


def _of_user(settings: Settings, roles: tuple[str, ...]) -> Iterator[Finding]:
    with closing(ClickHouse(settings)) as clickhouse:
        yield from examine(Examination(clickhouse=clickhouse, settings=settings, roles=roles), USER_CHECKS)


def _users(settings: Settings, folder: Path | None) -> Iterator[tuple[str, tuple[str, ...], Settings]]:
    """Return the role and the settings of each user with a secret in the folder.

    Raises: OperatorError if the folder has no secret, SecretError for a file that is not a secret.
    """
    if folder is None:
        return
    files = {key: file for key in QRYN_USERS if (file := folder / f"{key}.json").is_file()}
    if not files:
        raise OperatorError(
            f"no secrets in {folder}; write them with: flamehouse setup-sql --secrets {folder}"
        )
    users = QRYN_USERS if "collector" in files else USERS
    for key, file in files.items():
        dsn = _dsn(endpoint_of_secret(file.read_text()))
        yield key, users[key], replace(settings, clickhouse_dsn=dsn)


def _dsn(at: Endpoint) -> str:
    scheme = "https" if at.secure else "http"
    return f"{scheme}://{quote(at.user, safe='')}:{quote(at.password, safe='')}@{at.host}:{at.port}"


def _print(findings: Iterable[Finding], prefix: str = "") -> int:
    """Print each finding as it arrives; return the number of faults."""
    faults = 0
    for finding in findings:
        click.echo(replace(finding, check=f"{prefix}{finding.check}"))
        faults += finding.severity is Severity.FAULT
    return faults
