"""The authorizer, with a secret in moto that the command line edits."""

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from authorizer import handler as module
from authorizer.cached_secret import CachedDocument
from flamehouse.aws.secrets import SecretError
from flamehouse.identity.authorizer_context import context_of, grant_of_context
from flamehouse.identity.document import CredentialDocument, DocumentError
from flamehouse.identity.grant import Grant
from flamehouse.identity.principal import Scope
from tests.support.servers.command import flamehouse
from tools.aws import LocalAws, LocalSecret

EMPTY = '{"credentials": []}'


@pytest.fixture
def secret(aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalSecret]:
    secret = aws.new_secret(EMPTY)
    monkeypatch.setenv("CREDENTIALS_SECRET_ARN", secret.arn)
    module._document.cache_clear()  # noqa: SLF001  # a new process
    yield secret
    module._document.cache_clear()  # noqa: SLF001


def command(aws: LocalAws, secret: LocalSecret, *arguments: str) -> subprocess.CompletedProcess[str]:
    return flamehouse("credentials", "--secret", secret.arn, *arguments, **aws.environ())


def authorized(*authorization: str) -> Any:
    return module.handler({"version": "2.0", "type": "REQUEST", "identitySource": [*authorization]}, None)


def test_a_credential_in_the_secret_is_authorized_for_its_tenants_and_scopes(
    aws: LocalAws, secret: LocalSecret
) -> None:
    added = command(aws, secret, "add", "--tenant", "a", "--tenant", "b", "--scope", "query")
    token = added.stdout.strip()
    assert (added.returncode, token in secret.text) == (0, False)
    basic = base64.b64encode(f"anyone:{token}".encode()).decode()
    for header in (f"Bearer {token}", f"Basic {basic}"):
        response = authorized(header)
        assert response == {
            "isAuthorized": True,
            "context": {"tenants": ["a", "b"], "scopes": ["query"], "credential_id": token.split("_")[1]},
        }
    assert secret.reads >= 1


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer x", "Basic ÿ", "Digest x", "Bearer " + "x" * 9_000])
def test_any_other_credential_is_denied(secret: LocalSecret, header: str) -> None:
    assert secret.text == EMPTY
    assert authorized(header) == {"isAuthorized": False}
    assert authorized() == authorized(header, header) == {"isAuthorized": False}


def test_a_flood_of_wrong_credentials_reads_the_secret_once(secret: LocalSecret) -> None:
    before = secret.reads
    for number in range(1_000):
        assert authorized(f"Bearer wrong-{number}") == {"isAuthorized": False}
    assert secret.reads - before == 1


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"credentials": [{"id": "0123456789", "sha256": "s3cret"}]}']
)
def test_an_invalid_secret_is_an_error_that_reveals_nothing_of_it(
    secret: LocalSecret, caplog: pytest.LogCaptureFixture, text: str
) -> None:
    secret.put(text or " ")
    with pytest.raises(DocumentError) as raised:
        authorized("Bearer x")
    assert "s3cret" not in str(raised.value) + caplog.text
    assert "credentials_unreadable" in [getattr(each, "event", "") for each in caplog.records]


def test_a_missing_secret_is_an_error(monkeypatch: pytest.MonkeyPatch, secret: LocalSecret) -> None:
    monkeypatch.setenv("CREDENTIALS_SECRET_ARN", secret.arn.replace("flamehouse", "nothing"))
    with pytest.raises(SecretError):
        authorized("Bearer x")


def test_the_last_document_stays_valid_for_an_hour_during_an_outage() -> None:
    now = [0.0]
    texts: list[str | Exception] = [EMPTY]

    def read() -> str:
        if isinstance(texts[-1], Exception):
            raise texts[-1]
        return texts[-1]

    cached = CachedDocument(read, lambda: now[0])
    first = cached.current()
    texts.append(SecretError("down"))
    for now[0] in (59, 60, 119, 120, 3_599):
        assert cached.current() is first
    now[0] = 3_700
    with pytest.raises(SecretError):
        cached.current()
    texts.append(EMPTY)
    assert cached.current() == CredentialDocument(credentials={})


def test_conflicting_edits_of_the_secret_fail_with_one_line(aws: LocalAws, secret: LocalSecret) -> None:
    from cli.credentials_secret import CredentialsSecret  # noqa: PLC0415
    from flamehouse.errors import OperatorError  # noqa: PLC0415

    def change(document: CredentialDocument) -> CredentialDocument:
        secret.put('{"credentials": [], "note": "meanwhile"}')
        return document

    with pytest.raises(OperatorError, match="run the command again"):
        CredentialsSecret(secret.arn).edit(change)
    assert "meanwhile" in secret.text
    assert command(aws, secret, "revoke", "x").returncode == 1


def test_a_context_survives_a_round_trip() -> None:
    grant = Grant(tenants=frozenset({"b", "a"}), scopes=frozenset(Scope), credential_id="0123456789")
    assert grant_of_context(json.loads(json.dumps(context_of(grant)))) == grant


@pytest.mark.parametrize(
    "context",
    [
        None,
        {},
        [],
        "x",
        {"tenants": [], "scopes": ["query"], "credential_id": "x"},
        {"tenants": ["a"], "scopes": [], "credential_id": "x"},
        {"tenants": ["a"], "scopes": ["write"], "credential_id": "x"},
        {"tenants": "a", "scopes": ["query"], "credential_id": "x"},
        {"tenants": ["a"], "scopes": ["query"]},
    ],
)
def test_an_invalid_context_grants_nothing(context: object) -> None:
    assert grant_of_context(context) is None


def test_the_authorizer_imports_neither_web_framework_nor_clickhouse() -> None:
    script = "import sys, authorizer.handler; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    packages = {name.partition(".")[0] for name in loaded.stdout.split()}
    assert not packages & {
        "starlette",
        "fastapi",
        "clickhouse_connect",
        "boto3",
        "botocore",
        "urllib3",
        "mangum",
    }
