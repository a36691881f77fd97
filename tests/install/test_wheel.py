"""The wheel of the local server: built, installed into an empty environment, and run."""

import re
import signal
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.servers.local_server import STOP_S
from tests.support.servers.place import REPO
from tools.local_server import environment

BUILD_S = 120


def project(path: str) -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads((REPO / path).read_text())["project"]
    return found


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    build = [
        "uv",
        "build",
        "--quiet",
        "--offline",
        "--wheel",
        "--no-build-isolation",
        "--out-dir",
        str(folder),
    ]
    subprocess.run([sys.executable, "-m", *build, str(REPO)], check=True, timeout=BUILD_S)
    [file] = folder.glob("*.whl")
    return file


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command in an environment with this project from the wheel alone, and its requirements from this environment."""
    folder = tmp_path_factory.mktemp("venv")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True, timeout=BUILD_S)
    install = [
        "uv",
        "pip",
        "install",
        "--quiet",
        "--offline",
        "--no-deps",
        "--python",
        str(folder),
        str(wheel),
    ]
    subprocess.run([sys.executable, "-m", *install], check=True, timeout=BUILD_S)
    [site_packages] = folder.glob("lib/python*/site-packages")
    # A folder named in a .pth file is not searched for further .pth files, which would lead to this repository.
    (site_packages / "requirements.pth").write_text(sysconfig.get_path("purelib"))
    return folder / "bin" / "flamehouse"


def test_the_wheel_has_every_module_and_file_of_the_local_server(wheel: Path) -> None:
    names = {*zipfile.ZipFile(wheel).namelist()}
    expected = {
        file.relative_to(root).as_posix()
        for root in (REPO / "functions", REPO / "layers" / "flamehouse" / "src")
        for file in root.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts and file.parent != REPO / "functions"
    }
    assert expected <= names
    assert {"all_in_one.py", "connection_limits.py", "http2_preface.py", "routes.py"} <= names
    assert {name.partition("/")[0] for name in names - expected if ".dist-info" not in name} == {
        "all_in_one.py",
        "connection_limits.py",
        "http2_preface.py",
        "routes.py",
    }


def test_the_wheel_requires_what_its_parts_require() -> None:
    functions = project("functions/pyproject.toml")
    kernel = project("layers/flamehouse/pyproject.toml")
    parts = {
        *kernel["dependencies"],
        *functions["dependencies"],
        *functions["optional-dependencies"]["local"],
        *functions["optional-dependencies"]["web"],
    }
    whole = project("pyproject.toml")
    assert {*whole["dependencies"]} == parts - {"flamehouse"}
    assert whole["version"] == kernel["version"] == functions["version"]


def test_the_installed_command_serves(installed: Path, tmp_path: Path) -> None:
    with serving(installed, tmp_path) as url:
        assert httpx.post(f"{url}/ingest?name=first", content="main;work 1").status_code == 200
        shown = subprocess.run(
            [installed, "flame", "first"],
            env={**clean_environment(), "FLAMEHOUSE_URL": url},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
            timeout=STOP_S,
        )
    assert "work" in shown.stdout


def test_the_installed_command_prints_its_version(installed: Path, tmp_path: Path) -> None:
    output = subprocess.run(
        [installed, "--version"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert output.stdout == f"flamehouse {project('pyproject.toml')['version']}\n"


@contextmanager
def serving(command: Path, folder: Path) -> Iterator[str]:
    """Runs the installed server until the end of the block; yields its URL."""
    with subprocess.Popen(
        [command, "serve"],
        env={**clean_environment(), "PORT": "0", "DATA_DIR": str(folder / "data")},
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            ready = (re.search(r"ready on (\S+)", line) for line in process.stdout or ())
            yield next(found[1] for found in ready if found)
        finally:
            process.send_signal(signal.SIGTERM)
            status = process.wait(STOP_S)
    assert status == 0


def clean_environment() -> dict[str, str]:
    """Returns this process's environment without paths to this repository's sources."""
    return {name: value for name, value in environment().items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}
