"""The folders that become functions and layers: their contents, and reproducible builds."""

import hashlib
import marshal
import os
import shutil
import subprocess
import sys
from importlib.util import MAGIC_NUMBER, cache_from_source, source_hash
from pathlib import Path
from types import CodeType

import pytest

from bench.budget import budget_of
from tests.support.servers.bundle import (
    DEPENDENCIES,
    FASTAPI,
    FUNCTIONS,
    LAYERS,
    built,
    files,
    layers_of,
    rooms_of,
)
from tests.support.servers.place import REPO

EM_X86_64 = 62
EM_AARCH64 = 183
ELF_MACHINES = {"aarch64": EM_AARCH64, "x86_64": EM_X86_64}
MACHINES = {layers[name]: code for name, code in ELF_MACHINES.items() for layers in (DEPENDENCIES, FASTAPI)}
UNWANTED = ("numpy", "pandas", "pyarrow", "chdb", "uvicorn", "pip", "bin")
SOURCES = {
    "DependenciesArmLayer": "layers/dependencies",
    "DependenciesX86Layer": "layers/dependencies",
    "FastapiArmLayer": "layers/dependencies",
    "FastapiX86Layer": "layers/dependencies",
    "FlamehouseLayer": "layers/flamehouse",
    **dict.fromkeys(FUNCTIONS, "functions"),
}
PYC_UNCHECKED_HASH = (0b01).to_bytes(4, "little")


@pytest.mark.parametrize("layer", MACHINES)
def test_shared_objects_match_the_architecture_of_the_layer(layer: str) -> None:
    headers = [path.read_bytes()[:20] for path in files(built() / layer) if path.suffix == ".so"]
    assert headers
    assert {header[:5] for header in headers} == {b"\x7fELF\x02"}
    assert {int.from_bytes(header[18:20], "little") for header in headers} == {MACHINES[layer]}


@pytest.mark.parametrize("part", ["FlamehouseLayer", *FUNCTIONS])
def test_our_own_code_is_independent_of_the_architecture(part: str) -> None:
    code = [path for path in files(built() / part) if "static" not in path.parts]
    assert {path.suffix for path in code} <= {".py", ".pyi", ".pyc", ".typed", ".sql"}


@pytest.mark.parametrize("machine", ELF_MACHINES)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_layers_of_a_function_are_within_its_budget(function: str, machine: str) -> None:
    layers = [built() / layer for layer in layers_of(function, machine)]
    size = sum(path.stat().st_size for layer in layers for path in files(layer))
    assert size < budget_of(FUNCTIONS[function]).layers_mb << 20


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_has_no_unwanted_files(layer: str) -> None:
    held = {path.name.partition("-")[0].lower() for path in (built() / layer / "python").iterdir()}
    assert not held & set(UNWANTED)
    assert [path.name for path in (built() / layer).iterdir()] == ["python"]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_contains_only_its_own_package_and_its_imports(function: str) -> None:
    held = {path.stem for path in (built() / function).iterdir()}
    assert held - {"__pycache__"} == rooms_of(function)


@pytest.mark.parametrize("part", [*LAYERS, *FUNCTIONS])
def test_bytecode_is_loaded_without_checking_its_source(part: str) -> None:
    sources = [path for path in files(built() / part) if path.suffix == ".py"]
    assert sources
    for source in sources:
        header = Path(cache_from_source(str(source))).read_bytes()[:16]
        assert header == MAGIC_NUMBER + PYC_UNCHECKED_HASH + source_hash(source.read_bytes()), source


@pytest.mark.parametrize(
    ("part", "root"), [*((layer, "/opt/") for layer in LAYERS), ("IngestFunction", "/var/task/")]
)
def test_tracebacks_name_the_files_of_the_function(part: str, root: str) -> None:
    for path in files(built() / part):
        if path.suffix == ".pyc":
            code = marshal.loads(path.read_bytes()[16:])  # noqa: S302  # built from this tree
            assert isinstance(code, CodeType)
            assert code.co_filename.startswith(root)


@pytest.mark.parametrize("part", [*LAYERS, "IngestFunction", "ProfileTypesFunction"])
def test_rebuilding_yields_the_same_artifacts(part: str, tmp_path: Path) -> None:
    source = shutil.copytree(REPO / SOURCES[part], tmp_path / "source")
    artifacts = tmp_path / "artifacts"
    artifacts.mkdir()
    search = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(
        ["make", "--silent", f"build-{part}"],  # noqa: S607  # the one that sam build finds
        cwd=source,
        env={**os.environ, "PATH": search, "ARTIFACTS_DIR": str(artifacts)},
        check=True,
    )
    assert digest(artifacts) == digest(built() / part)


def digest(folder: Path) -> str:
    """Returns the SHA-256 over the names and contents of all files."""
    hashed = hashlib.sha256()
    for path in files(folder):
        hashed.update(f"{path.relative_to(folder)}\0{path.stat().st_size}\0".encode())
        hashed.update(path.read_bytes())
    return hashed.hexdigest()
