"""The common part of the live checks: runs a program under a real SDK and checks the top function of its profiles.

Each folder tools/live_* is such a program. The environment variables of the Java agent and the .NET profiler configure
it: PYROSCOPE_SERVER_ADDRESS, PYROSCOPE_APPLICATION_NAME and so on.
"""

import argparse
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from cli.options import Range, Selection
from cli.profiles import merged_flamegraph
from cli.server import Server, ServerError
from cli.tree import every_frame, tree_of
from cli.units import scale_of
from flamehouse.model.profile_type import ProfileType
from flamehouse.units import NS_PER_MS
from tools.gateway.cloud import cloud
from tools.local_server import environment, local_server

_CREDENTIAL: Final = "credential-of-a-live-check"
_TENANT: Final = "live"
_SHOWN: Final = 5
_ROUNDED_MS: Final = 10_000
"""How long before its program's start a profile may begin: the Rust SDK rounds times down to ten seconds."""
_STAGED_S: Final = 30
_UPLOADED_S: Final = 120
_LABELS: Final = 'endpoint="primes", region="eu"'
"""Every program sets `endpoint` around its hot function, and `region` on all of its profiles."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """A program under the SDK called `client`.

    `prepare` builds the program in an empty folder, with the executables `needs`, and returns the command that runs it
    there. `leaders` has part of the name of the function with the largest self value, by profile type; the first type
    is also checked with the labels of the program.
    """

    client: str
    needs: Sequence[str]
    prepare: Callable[[Path], Sequence[str]]
    leaders: Mapping[str, str]

    @property
    def name(self) -> str:
        return f"live-{self.client}"

    @property
    def skipped(self) -> str:
        """The reason why the program cannot run on this machine; empty if it can."""
        missing = [tool for tool in self.needs if shutil.which(tool) is None]
        return f"skipped, as this machine has no {' and no '.join(missing)}" if missing else ""


class WrongLeaderError(Exception):
    """The top function of a profile is not the program's hot function."""


def main(live: Live) -> None:
    """Check against the local server and the build for AWS. Raises SystemExit with one line if a check fails."""
    parser = argparse.ArgumentParser(prog=live.name, description=f"The real SDK: {live.client}")
    parser.add_argument(
        "--build", type=Path, help="the output of sam build; without it, only the local server is checked"
    )
    build = parser.parse_args().build
    if live.skipped:
        print(f"{live.name}: {live.skipped}")
        return
    with TemporaryDirectory(prefix=f"{live.name}-") as folder, closing(_servers(build)) as servers:
        try:
            command = live.prepare(Path(folder))
            for kind, server in servers:
                print(f"{live.name}: {kind}\n", flush=True)
                check(live, server, command, Path(folder))
        except (ServerError, WrongLeaderError, UnfetchedError, subprocess.CalledProcessError) as error:
            raise SystemExit(f"{live.name}: {error}") from error


def check(live: Live, server: Server, command: Sequence[str], folder: Path) -> None:
    """Run the program in `folder`, print the top functions of each of its profiles, and compare.

    Raises CalledProcessError if the program fails, ServerError if the server does, and WrongLeaderError if the top
    function differs.
    """
    application = f"live.{live.client}"
    start_ms = _now_ms() - _ROUNDED_MS
    service = f'service_name="{application}"'
    queries = [(type_, f"{{{service}}}") for type_ in live.leaders]
    with subprocess.Popen(
        command, cwd=folder, env={**environment(), **variables(server, application)}, stdin=subprocess.PIPE
    ) as program:
        _wait_for_uploads(live, server, queries, start_ms, program)
    if program.returncode:
        raise subprocess.CalledProcessError(program.returncode, command)
    end_ms = _now_ms()
    labelled = next(iter(live.leaders))
    for type_, selector in (*queries, (labelled, f"{{{service}, {_LABELS}}}")):
        leading = _leading_once_stored(server, type_, selector, start_ms, end_ms)
        print(f"{type_}{selector}", *_lines(type_, leading), sep="\n", end="\n\n", flush=True)
        hottest = _hottest(leading)
        if live.leaders[type_] not in hottest:
            raise WrongLeaderError(f"the top function of {type_} is {hottest}, not {live.leaders[type_]}")


def variables(server: Server, application: str) -> dict[str, str]:
    """Return the environment variables for the server's address and the application's name."""
    return {
        "PYROSCOPE_APPLICATION_NAME": application,
        "PYROSCOPE_SERVER_ADDRESS": server.url,
        "PYROSCOPE_BASIC_AUTH_USER": "live",
        "PYROSCOPE_BASIC_AUTH_PASSWORD": server.credential,
        "PYROSCOPE_TENANT_ID": server.tenant,
    }


def copy_sources(program: str, folder: Path) -> None:
    """Copy the files of a tools/live_* folder, without its Python modules."""
    ignored = shutil.ignore_patterns("__*__*")
    shutil.copytree(Path(program).parent, folder, ignore=ignored, dirs_exist_ok=True)


class UnfetchedError(Exception):
    """A package registry did not provide a dependency."""


def fetch_with(folder: Path, *command: str) -> None:
    """Run a command in `folder` that only fetches packages. Raises UnfetchedError if it fails."""
    try:
        build_with(folder, *command)
    except subprocess.CalledProcessError as error:
        raise UnfetchedError(f"its packages cannot be fetched here: {error}") from error


def build_with(folder: Path, *command: str) -> None:
    """Run a step of a build in `folder`. Raises CalledProcessError if it fails."""
    subprocess.run(command, cwd=folder, env=environment(), check=True)


def _servers(build: Path | None) -> Generator[tuple[str, Server]]:
    with local_server(API_CREDENTIAL=_CREDENTIAL) as running:
        yield "the local server", Server(url=running.url, credential=_CREDENTIAL, tenant=_TENANT)
    if build is None:
        return
    with TemporaryDirectory(prefix="flamehouse-cloud-") as folder, cloud(build, Path(folder)) as deployed:
        yield (
            f"the build for AWS in {build}",
            Server(url=deployed.url, credential=deployed.credential, tenant=_TENANT),
        )


def _wait_for_uploads(
    live: Live,
    server: Server,
    queries: Sequence[tuple[str, str]],
    start_ms: int,
    program: subprocess.Popen[bytes],
) -> None:
    """Return once every query of a type and a selector has its leader, the program has ended, or too much time passes.

    A program whose SDK sends nothing on exit runs until its standard input ends.
    """
    give_up = time.monotonic() + _UPLOADED_S
    while program.poll() is None and time.monotonic() < give_up:
        hottest = (
            (type_, _hottest(_leading(server, type_, selector, start_ms, _now_ms())))
            for type_, selector in queries
        )
        if all(live.leaders[type_] in function for type_, function in hottest):
            return
        time.sleep(1)


def _now_ms() -> int:
    return time.time_ns() // NS_PER_MS


def _hottest(leading: Counter[str]) -> str:
    return leading.most_common(1)[0][0] if leading else "nothing"


def _leading_once_stored(
    server: Server, type_: str, selector: str, start_ms: int, end_ms: int
) -> Counter[str]:
    """Wait for profiles and return the self values by function: on AWS, uploads may be staged first."""
    give_up = time.monotonic() + _STAGED_S
    while True:
        leading = _leading(server, type_, selector, start_ms, end_ms)
        if leading or time.monotonic() > give_up:
            return leading
        time.sleep(1)


def _leading(server: Server, type_: str, selector: str, start_ms: int, end_ms: int) -> Counter[str]:
    """Return the self values by function."""
    within = Range(start_ms=start_ms, end_ms=end_ms)
    flamegraph = merged_flamegraph(server, Selection(selector=selector, type_id=type_, within=within))
    selves: Counter[str] = Counter()
    for frame in every_frame(tree_of(flamegraph)):
        selves[frame.name] += frame.self_value
    return +selves


def _lines(type_: str, leading: Counter[str]) -> Iterator[str]:
    """Yield a line for each function with one of the largest self values, in the unit of the type."""
    scale = scale_of(ProfileType.parse(type_).sample_unit, leading.total())
    for name, value in leading.most_common(_SHOWN):
        yield f"{scale.text(value):>12}  {value / leading.total():6.1%}  {name}"
