"""`flamehouse credentials`: manages the credentials of clients, in a file or in an AWS Secrets Manager secret."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Protocol

import click

from cli.credentials_secret import CredentialsSecret
from cli.output import print_json, print_table
from cli.times import duration_ms
from flamehouse.errors import OperatorError
from flamehouse.identity.credentials_file import CredentialsFile
from flamehouse.identity.document import Credential, CredentialDocument, DocumentError
from flamehouse.identity.principal import ANY_TENANT, Scope
from flamehouse.identity.tenant import CHARACTERS, is_tenant
from flamehouse.identity.token import NewToken, digest, new_token

_SHOWN: Final = "%Y-%m-%d %H:%M"
_COLUMNS: Final = ("id", "tenants", "scopes", "created", "expires", "note")


class Place(Protocol):
    """A place that stores a credentials document."""

    def load(self) -> CredentialDocument:
        """Return the document. Raises DocumentError or OperatorError."""

    def edit(self, change: Callable[[CredentialDocument], CredentialDocument]) -> None:
        """Atomically replace the document with the result of `change`. Raises DocumentError or OperatorError."""


@click.group()
@click.option("--file", "path", envvar="CREDENTIALS_FILE", help="The credentials file. [CREDENTIALS_FILE]")
@click.option(
    "--secret", "arn", envvar="CREDENTIALS_SECRET_ARN", help="The secret's ARN. [CREDENTIALS_SECRET_ARN]"
)
@click.pass_context
def credentials(context: click.Context, path: str | None, arn: str | None) -> None:
    """Add, list, revoke and rotate credentials in a local server's file or a deployment's secret.

    A local server applies changes at once, a deployment within two minutes. The file or secret contains only hashes: a
    token is printed once, when it is created.
    """
    if bool(path) == bool(arn):
        raise OperatorError("use either --file (CREDENTIALS_FILE) or --secret (CREDENTIALS_SECRET_ARN)")
    context.obj = CredentialsSecret(arn) if arn else CredentialsFile(Path(path or ""))


@credentials.command()
@click.option(
    "--tenant", "tenants", multiple=True, required=True, help="A tenant, or '*' for all; may be repeated."
)
@click.option(
    "--scope",
    "scopes",
    type=click.Choice([scope.value for scope in Scope]),
    multiple=True,
    required=True,
    help="A scope to allow; may be repeated.",
)
@click.option("--expires", metavar="DURATION", help="Its lifetime, such as 90d. [never expires]")
@click.option("--note", default="", help="A note for the list, such as the owner.")
@click.pass_obj
def add(
    place: Place, *, tenants: Sequence[str], scopes: Sequence[str], expires: str | None, note: str
) -> None:
    """Add a credential and print its token."""
    now, token = _now(), new_token()
    credential = Credential(
        id=token.id,
        sha256=digest(token.text),
        tenants=_tenants(tenants),
        scopes=frozenset(map(Scope, scopes)),
        created=now,
        expires=now + _duration(expires) if expires else None,
        note=note,
    )
    _edit(place, lambda document: _with(document, credential))
    _print_token(token)


@credentials.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def list_(place: Place, *, as_json: bool) -> None:
    """List the credentials, without their tokens."""
    try:
        found = place.load().credentials.values()
    except DocumentError as error:
        raise OperatorError(str(error)) from error
    rows = [_row(credential) for credential in found]
    if as_json:
        print_json([dict(zip(_COLUMNS, row, strict=True)) for row in rows])
    else:
        print_table(_COLUMNS, rows, unfolded=("id",))


@credentials.command()
@click.argument("id_", metavar="ID")
@click.pass_obj
def revoke(place: Place, *, id_: str) -> None:
    """Remove a credential: its token is rejected from now on."""

    def change(document: CredentialDocument) -> CredentialDocument:
        _found(document, id_)
        left = {key: each for key, each in document.credentials.items() if key != id_}
        return CredentialDocument(credentials=left)

    _edit(place, change)
    click.echo(f"revoked {id_}", err=True)


@credentials.command()
@click.argument("id_", metavar="ID")
@click.option(
    "--overlap",
    metavar="DURATION",
    default="7d",
    show_default=True,
    help="How long the old token remains valid.",
)
@click.pass_obj
def rotate(place: Place, *, id_: str, overlap: str) -> None:
    """Add a credential that allows the same as ID, print its token, and let ID expire."""
    now, token, length = _now(), new_token(), _duration(overlap)

    def change(document: CredentialDocument) -> CredentialDocument:
        old = _found(document, id_)
        lifetime = old.expires - old.created if old.expires else None
        new = replace(
            old,
            id=token.id,
            sha256=digest(token.text),
            created=now,
            expires=now + lifetime if lifetime else None,
        )
        ending = replace(old, expires=min(old.expires or now + length, now + length))
        return _with(_with(document, ending), new)

    _edit(place, change)
    _print_token(token)
    click.echo(f"{id_} expires within {overlap}", err=True)


def _with(document: CredentialDocument, credential: Credential) -> CredentialDocument:
    return CredentialDocument(credentials={**document.credentials, credential.id: credential})


def _found(document: CredentialDocument, id_: str) -> Credential:
    try:
        return document.credentials[id_]
    except KeyError:
        raise OperatorError(
            f"unknown credential {id_!r}: `flamehouse credentials list` shows the ids"
        ) from None


def _edit(place: Place, change: Callable[[CredentialDocument], CredentialDocument]) -> None:
    try:
        place.edit(change)
    except DocumentError as error:
        raise OperatorError(str(error)) from error


def _print_token(token: NewToken) -> None:
    """Print the token alone on standard output, for scripts."""
    click.echo(f"credential {token.id}; its token is shown only once:", err=True)
    click.echo(token.text)


def _tenants(names: Sequence[str]) -> frozenset[str]:
    tenants = frozenset(names)
    if tenants == {ANY_TENANT}:
        return tenants
    for name in sorted(tenants):
        if name == ANY_TENANT:
            raise OperatorError("--tenant '*' means all tenants: do not add another")
        if not is_tenant(name):
            raise OperatorError(f"invalid tenant {name!r}: use {CHARACTERS}")
    return tenants


def _duration(text: str) -> timedelta:
    try:
        return timedelta(milliseconds=duration_ms(text))
    except (ValueError, OverflowError) as error:
        raise OperatorError(f"invalid duration {text!r}: use 12h, 90d or 52w") from error


def _row(credential: Credential) -> tuple[str, ...]:
    return (
        credential.id,
        ",".join(sorted(credential.tenants)),
        ",".join(scope for scope in Scope if scope in credential.scopes),
        credential.created.strftime(_SHOWN),
        credential.expires.strftime(_SHOWN) if credential.expires else "never",
        credential.note,
    )


def _now() -> datetime:
    return datetime.fromtimestamp(int(time.time()), UTC)
