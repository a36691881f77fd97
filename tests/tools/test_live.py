"""Real SDKs, each in its own program: the hot function leads the flame graph, on every server.

`make live-rust` runs the one for Rust, and `make live-collector` a collector: their builds take minutes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from subprocess import CalledProcessError

import pytest

from cli.server import Server
from tools.gateway.cloud import Cloud
from tools.live import Live, UnfetchedError, WrongLeaderError, build_with, check, fetch_with
from tools.live_collector.__main__ import LIVE as COLLECTOR
from tools.live_go.__main__ import LIVE as GO
from tools.live_java.__main__ import LIVE as JAVA
from tools.live_node.__main__ import LIVE as NODE
from tools.live_python.__main__ import LIVE as PYTHON
from tools.live_rust.__main__ import LIVE as RUST
from tools.local_server import local_server

CREDENTIAL = "horse"
TENANT = "live"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A program that can be run."""

    live: Live
    command: Sequence[str]
    folder: Path

    def check(self, server: Server) -> None:
        check(self.live, server, self.command, self.folder)


@pytest.fixture(scope="module", params=[PYTHON, GO, NODE, JAVA], ids=lambda live: live.client)
def prepared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    live: Live = request.param
    if live.skipped:
        pytest.skip(live.skipped)
    folder = tmp_path_factory.mktemp(live.name)
    try:
        return Prepared(live=live, command=live.prepare(folder), folder=folder)
    except UnfetchedError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def local() -> Iterator[Server]:
    with local_server(API_CREDENTIAL=CREDENTIAL) as running:
        yield Server(url=running.url, credential=CREDENTIAL, tenant=TENANT)


def test_the_hot_function_leads_on_the_local_server(prepared: Prepared, local: Server) -> None:
    prepared.check(local)


def test_the_hot_function_leads_on_the_build_for_aws(prepared: Prepared, deployed: Cloud) -> None:
    prepared.check(Server(url=deployed.url, credential=deployed.credential, tenant=TENANT))


def test_the_check_fails_if_another_function_leads(local: Server, tmp_path: Path) -> None:
    command = PYTHON.prepare(tmp_path)
    for type_ in PYTHON.leaders:
        with pytest.raises(
            WrongLeaderError, match=f"the top function of {type_} is .*find_primes, not add_up"
        ):
            check(replace(PYTHON, leaders={type_: "add_up"}), local, command, tmp_path)


def test_a_missing_toolchain_is_named() -> None:
    assert not PYTHON.skipped
    assert COLLECTOR.needs == GO.needs == ("go",)
    without = replace(RUST, needs=("cargo-of-nowhere", "rustc-of-nowhere"))
    assert without.skipped == "skipped, as this machine has no cargo-of-nowhere and no rustc-of-nowhere"


def test_a_failed_download_is_distinguished_from_a_failing_program(tmp_path: Path) -> None:
    with pytest.raises(UnfetchedError, match="cannot be fetched here"):
        fetch_with(tmp_path, "false")
    with pytest.raises(CalledProcessError):
        build_with(tmp_path, "false")
