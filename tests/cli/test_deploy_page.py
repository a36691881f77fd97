"""The commands of docs/deploy.md, run as a newcomer runs them, except those that need AWS or ClickHouse Cloud."""

import json
import os
import re
from pathlib import Path
from typing import Final

from flamehouse.identity.document import CredentialDocument
from flamehouse.identity.principal import Scope
from flamehouse.store.connection.endpoint import endpoint_of_secret
from tests.support.scripts import commands_in, run
from tests.support.servers.place import REPO
from tools.aws import LocalAws
from tools.clickhouse_http.process import clickhouse_server
from tools.local_server import environment

PAGE: Final = (REPO / "docs/deploy.md").read_text()
COMMANDS: Final = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
NOT_RUN: Final = {
    "git clone": "the clone exists",
    "make bundle": "the gate runs it",
    "read -rs": "waits for input",
    "export CLICKHOUSE_DSN=": "the test has its own ClickHouse",
    ".venv/bin/flamehouse doctor --secrets": "the stand-in for ClickHouse has no users; test_doctor.py runs the doctor",
    "export PATH=": "the test has set it",
    "sam build": "the gate runs it",
    "sam deploy": "needs AWS",
    "sam delete": "needs AWS",
    "aws s3 rb": "needs the buckets of a deployment",
    "export CREDENTIALS_SECRET_ARN=": "an output of sam deploy; the test creates the secret",
}
"""The beginnings of lines that the test skips, each with the reason."""


def blocks() -> list[str]:
    """Returns the blocks of commands without the lines that cannot run here."""
    kept = []
    for block in COMMANDS:
        lines = [line for line in block.splitlines() if not line.strip().startswith(tuple(NOT_RUN))]
        if any(line.strip() for line in lines):
            kept.append("\n".join(lines))
    return kept


def test_the_commands_of_the_page_create_a_credential(tmp_path: Path, aws: LocalAws) -> None:
    commands_in(tmp_path)
    credentials = aws.new_secret('{"credentials": []}')
    with clickhouse_server(tmp_path) as server:
        environ = {
            **environment(),
            **aws.environ(),
            "PATH": f"{tmp_path}/.venv/bin:{os.environ['PATH']}",
            "PYTHONPATH": str(REPO),
            "AWS_ENDPOINT_URL": aws.url,
            "CLICKHOUSE_DSN": server.dsn,
            "CREDENTIALS_SECRET_ARN": credentials.arn,
        }
        migrated, setup, secrets, topic, added, rotated, removed = blocks()
        assert "profiles are retained for 30 days" in run(migrated, tmp_path, environ)
        run(setup, tmp_path, environ)
        assert "CREATE ROLE IF NOT EXISTS flamehouse_ingest_role" in (tmp_path / "setup.sql").read_text()
        password = json.loads((tmp_path / "secrets/query.json").read_text())["password"]

        arns = run(secrets, tmp_path, environ).split()
        assert [re.sub(r"-\w{6}$", "", arn.rpartition(":")[2]) for arn in arns] == [
            "flamehouse/admin",
            "flamehouse/ingest",
            "flamehouse/query",
            "flamehouse/maintain",
        ]
        stored = [aws.secrets().get_secret_value(SecretId=arn)["SecretString"] for arn in arns]
        assert endpoint_of_secret(stored[2]).password == password
        create, subscribe = topic.splitlines()
        arn = run(create, tmp_path, environ).strip()
        run(subscribe.replace("ARN", arn), tmp_path, environ)

        token = run(added, tmp_path, environ).strip()
        [credential] = CredentialDocument.parse(credentials.text).credentials.values()
        assert (credential.tenants, credential.scopes) == (frozenset("*"), frozenset(Scope))
        new = run(rotated.replace("ID", credential.id), tmp_path, environ).strip()
        assert len({token, new}) == len(CredentialDocument.parse(credentials.text).credentials) == 2
        run(removed, tmp_path, environ)
        left = [each["Name"] for each in aws.secrets().list_secrets()["SecretList"]]
        assert not [
            name for name in left if name in {"flamehouse/admin", "flamehouse/ingest", "flamehouse/query"}
        ]


def test_every_line_excluded_from_the_test_is_on_the_page() -> None:
    lines = [line.strip() for block in COMMANDS for line in block.splitlines()]
    assert [each for each in NOT_RUN if not any(line.startswith(each) for line in lines)] == []
