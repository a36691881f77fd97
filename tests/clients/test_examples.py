"""The examples of docs/clients.md and the README: run or compiled if their tools are installed, else only parsed."""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from starlette.routing import Route

from ingest.app import routes
from tests.support.pages import examples, executable
from tests.support.servers.client import Client
from tests.support.uploads.stack_uploads import file, groups, sampled
from tests.support.uploads.uploads import pprof
from tools.live import UnfetchedError, fetch_with
from tools.local_server import local_server

REPO = Path(__file__).resolve().parent.parent.parent
TOOLS = REPO / "tools"
PAGE = (REPO / "docs/clients.md").read_text()
README = (REPO / "README.md").read_text()
CREDENTIAL = "horse"
TENANT = "my-tenant"
SHOWN_URL = "http://127.0.0.1:4040"
BLOCK = re.compile(r'^([a-z_.]+)(?: "([a-z_]+)")? \{$')
REFERENCE = re.compile(r"\b((?:pyroscope|discovery)\.[a-z_]+\.[a-z_]+)\.(?:receiver|targets|output)\b")


def code(text: str) -> str:
    """Returns the lines without their indentation."""
    return "\n".join(line.strip() for line in text.strip().splitlines())


@pytest.mark.parametrize(
    ("heading", "language", "program"),
    [
        ("Python", "python", "live_python/program.py"),
        ("Go", "go", "live_go/main.go"),
        ("Node.js", "js", "live_node/program.mjs"),
        ("Rust", "rust", "live_rust/src/main.rs"),
        ("Java", "bash", "live_java/profile.sh"),
        ("Java", "java", "live_java/Program.java"),
    ],
)
def test_an_sdks_example_is_the_code_of_its_live_program(heading: str, language: str, program: str) -> None:
    (example,) = examples(PAGE, language, heading)
    assert f"\n{code(example)}\n" in f"\n{code((TOOLS / program).read_text())}\n"


@pytest.mark.parametrize("ending", ["Pyroscope.stop()", "agent.stop()?.shutdown()", "pyroscope.shutdown()"])
def test_the_documented_shutdown_is_that_of_the_live_program(ending: str) -> None:
    assert f"{ending}`" in PAGE
    sources = [
        path.read_text() for path in TOOLS.glob("live_*/**/*") if path.suffix in {".py", ".mjs", ".rs"}
    ]
    assert any(f"{ending}; //" in source or f"{ending}  #" in source for source in sources)


def fetched(folder: Path, *command: str) -> None:
    """Fetches packages; skips the test if their registry does not provide them."""
    try:
        fetch_with(folder, *command)
    except UnfetchedError as error:
        pytest.skip(str(error))


def test_the_readmes_go_example_compiles(tmp_path: Path) -> None:
    go = executable("go")
    (example,) = examples(README, "go")
    imports = 'import (\n"log"\n\n"github.com/grafana/pyroscope-go"\n)'
    (tmp_path / "main.go").write_text(f"package main\n\n{imports}\n\nfunc main() {{\n{example}}}\n")
    for name in ("go.mod", "go.sum"):
        shutil.copy(TOOLS / "live_go" / name, tmp_path)
    fetched(tmp_path, go, "mod", "download")
    subprocess.run([go, "vet", "."], cwd=tmp_path, check=True)


@pytest.mark.parametrize("example", examples(PAGE, "ruby"))
def test_the_ruby_example_is_valid(example: str) -> None:
    subprocess.run([executable("ruby"), "-c", "-"], input=example, text=True, check=True)


@pytest.mark.parametrize("page", [PAGE, README], ids=["clients", "README"])
def test_every_command_is_valid_shell(page: str) -> None:
    commands = examples(page, "bash")
    assert commands
    for command in commands:
        subprocess.run([executable("bash"), "-n", "-c", command], check=True)


def uploads() -> Iterator[str]:
    """Returns the commands that upload a file, each once."""
    for example in dict.fromkeys([*examples(PAGE, "bash"), *examples(README, "bash")]):
        if "curl" in example and "--data-binary @" in example:
            yield example


@pytest.mark.parametrize("example", [*uploads()], ids=["unchanged", "stacks", "with labels"])
def test_curl_sends_a_profile(tmp_path: Path, example: str) -> None:
    full = "--user" in example
    (tmp_path / "cpu.pprof").write_bytes(pprof(time_ns=time.time_ns()).SerializeToString())
    (tmp_path / "cpu.folded").write_bytes(groups({"main;work": 1}))
    (tmp_path / "cpu.speedscope.json").write_bytes(file(sampled([[0, 1]], [1])))
    variables = {"PYROSCOPE_BASIC_AUTH_PASSWORD": CREDENTIAL, "PYROSCOPE_TENANT_ID": TENANT}
    start = time.time_ns() // 1_000_000 - 60_000
    within = {"start": start, "end": start + 120_000}
    with local_server(API_CREDENTIAL=CREDENTIAL if full else "") as server:
        command = [executable("bash"), "-ec", example.replace(SHOWN_URL, server.url)]
        subprocess.run(command, cwd=tmp_path, env={**os.environ, **variables}, check=True)
        client = Client(
            server=server.url, tenant=TENANT if full else "anonymous", credential=CREDENTIAL if full else ""
        )
        request = {"name": "service_name", "matchers": ['{region="eu"}'] if full else [], **within}
        assert client.rpc("LabelValues", request)["names"] == ["checkout"]


def test_alloys_parser_reads_every_example(tmp_path: Path) -> None:
    go = executable("go")
    for path in (TOOLS / "alloy_syntax").iterdir():
        shutil.copy(path, tmp_path)
    fetched(tmp_path, go, "mod", "download")
    pages = [PAGE, (REPO / "docs/from-pyroscope.md").read_text()]
    names = []
    for number, example in enumerate(example for page in pages for example in examples(page, "alloy")):
        names.append(f"{number}.alloy")
        (tmp_path / names[-1]).write_text(example)
    subprocess.run([go, "run", ".", *names], cwd=tmp_path, check=True)
    (tmp_path / "invalid.alloy").write_text('pyroscope.write "both" { endpoint { url = } }')
    invalid = subprocess.run(
        [go, "run", ".", "invalid.alloy"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert "expected expression" in invalid.stderr


def test_alloys_examples_define_the_components_they_refer_to() -> None:
    configurations = examples(PAGE, "alloy")
    components = {name for example in configurations for name in _components(example)}
    assert {name for example in configurations for name in REFERENCE.findall(example)} <= components
    kinds = {name.rpartition(".")[0] for name in components}
    pyroscope = {f"pyroscope.{kind}" for kind in ("write", "scrape", "ebpf", "java", "receive_http")}
    assert kinds == {*pyroscope, "discovery.process", "discovery.relabel"}


def _components(example: str) -> Iterator[str]:
    """Returns the components of a configuration in Alloy's language; checks how its blocks are nested."""
    depth = 0
    for line in example.splitlines():
        text = line.strip()
        if (block := BLOCK.match(text)) is not None:
            # Only components have a name, and only they are top-level.
            assert (block[2] is not None) == (depth == 0), line
            if block[2]:
                yield f"{block[1]}.{block[2]}"
            depth += 1
        elif text == "}":
            depth -= 1
        elif text:
            assert depth > 0, line
            assert re.match(r"^[a-z_]+ += .+$", text), line
        assert depth >= 0
    assert depth == 0


def test_the_collectors_example_is_the_configuration_of_its_live_program() -> None:
    first, _ = examples(PAGE, "yaml", "OpenTelemetry")
    assert (TOOLS / "live_collector/collector.yaml").read_text() == first


def test_the_collectors_pipelines_define_their_components() -> None:
    collector, grpc_exporter = (yaml.safe_load(example) for example in examples(PAGE, "yaml"))
    for pipeline in collector["service"]["pipelines"].values():
        for kind, names in pipeline.items():
            assert set(names) <= set(collector[kind])
    _, _, path = collector["exporters"]["otlp_http"]["profiles_endpoint"].partition("}")
    assert path in {route.path for route in routes if isinstance(route, Route)}
    assert [*grpc_exporter["exporters"]] == ["otlp_grpc"]
