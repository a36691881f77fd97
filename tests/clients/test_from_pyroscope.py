"""docs/from-pyroscope.md, followed: its commands, its SDK example and its data source, against the server it starts.

The same server takes Grafana Pyroscope's place; tests/acceptance replays Pyroscope's own responses.
"""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import yaml

from tests.support.pages import examples, executable
from tests.support.servers.command import flamehouse
from tests.support.servers.local_server import running
from tools.local_server import environment

REPO: Final = Path(__file__).resolve().parents[2]
PAGE: Final = (REPO / "docs/from-pyroscope.md").read_text()
ADDRESSES: Final = re.compile(r"http://(?:pyroscope|flamehouse):4040")
OF_1970: Final = {"start": 1_000, "end": 4_000}
"""The request of "Save & test"."""
PROGRAM: Final = """\
import os
import pyroscope
from tools.live_python.program import find_primes
{example}
find_primes(2)
pyroscope.shutdown()
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """The server of the first step: its URL for programs on this machine, and the exported variables."""

    url: str
    variables: Mapping[str, str]

    def of(self, text: str) -> str:
        """Returns text from the page with this server's address filled in."""
        return ADDRESSES.sub(self.url, text)


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    """The server, after a program under the SDK has sent profiles to it."""
    exported, serve = examples(PAGE, "sh", "1. Start flamehouse beside it")[0].splitlines()
    assert serve == "flamehouse serve"
    names = re.findall(r"(\w+)=", exported)
    printed = subprocess.run(
        [
            executable("bash"),
            "-euc",
            f"{exported}\nprintf '%s\\n' {' '.join(f'"${name}"' for name in names)}",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    variables = dict(zip(names, printed.stdout.splitlines(), strict=True))
    with running(tmp_path_factory.mktemp("data"), **variables) as server:
        started = Started(url=server.url.replace(variables["HOST"], "127.0.0.1"), variables=variables)
        [example] = examples(PAGE, "python")
        program = PROGRAM.format(example=started.of(example))
        environ = {**environment(), "API_CREDENTIAL": variables["API_CREDENTIAL"], "PYTHONPATH": str(REPO)}
        subprocess.run([sys.executable, "-c", program], env=environ, check=True)
        yield started


def commands(heading: str) -> list[str]:
    [block] = examples(PAGE, "sh", heading)
    return block.splitlines()


@pytest.mark.parametrize("command", commands("3. Compare"))
def test_the_command_line_shows_what_the_sdk_has_sent(command: str, started: Started) -> None:
    name, *arguments = shlex.split(started.of(command))
    assert name == "flamehouse"
    done = flamehouse(*arguments, API_CREDENTIAL=started.variables["API_CREDENTIAL"])
    assert done.returncode == 0, done.stderr
    assert ("find_primes" if arguments[0] == "top" else "checkout") in done.stdout


def data_source() -> dict[str, Any]:
    [file] = examples(PAGE, "yaml")
    [source] = yaml.safe_load(file)["datasources"]
    return dict(source)


def test_the_data_source_is_that_of_the_grafana_page_with_a_credential() -> None:
    [shown, *_] = examples((REPO / "docs/grafana.md").read_text(), "yaml")
    [known] = yaml.safe_load(shown)["datasources"]
    source = data_source()
    assert {source.pop(name) for name in ("basicAuth", "basicAuthUser")} == {True, "grafana"}
    assert [*source.pop("secureJsonData")] == ["basicAuthPassword"]
    assert (source["type"], source["access"]) == (known["type"], known["access"])
    assert source.keys() == known.keys() - {"jsonData"}


def test_save_and_test_succeeds_with_the_credential_of_the_data_source(started: Started) -> None:
    source = data_source()
    password = source["secureJsonData"]["basicAuthPassword"]
    assert password == "$API_CREDENTIAL"  # noqa: S105  # a variable
    url = f"{started.of(source['url'])}/querier.v1.QuerierService/ProfileTypes"
    user = (source["basicAuthUser"], started.variables[password.removeprefix("$")])
    assert httpx.post(url, json=OF_1970, auth=user).status_code == 200
    assert httpx.post(url, json=OF_1970).status_code == 401


def test_alloy_sends_to_both_servers_from_one_component() -> None:
    [example] = examples(PAGE, "alloy")
    assert re.findall(r'url = "(.+)"', example) == ["http://pyroscope:4040", "http://flamehouse:4040"]
    assert example.count("pyroscope.write") == 1
