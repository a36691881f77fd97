"""The output of `make bundle` for AWS. Its tests run if BUNDLE names its folder, as in `make check`."""

import os
import platform
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from bench.budget import budget_of
from tests.support.queries.rpcs import resources_of
from tests.support.servers.place import REPO

DEPENDENCIES: Final = {"aarch64": "DependenciesArmLayer", "x86_64": "DependenciesX86Layer"}
"""The layer of wheels for each machine architecture, as the kernel names it."""
FASTAPI: Final = {"aarch64": "FastapiArmLayer", "x86_64": "FastapiX86Layer"}
"""The layer with FastAPI, for functions whose budget includes it."""
LAYERS: Final = (*DEPENDENCIES.values(), *FASTAPI.values(), "FlamehouseLayer")
FUNCTIONS: Final = {
    name: properties["Handler"].removesuffix(".handler")
    for name, properties in resources_of("AWS::Serverless::Function").items()
}
"""The module of each function's handler."""
_ROOMS: Final = {
    "adhoc": {"adhoc", "ingest"},
    "qryn": {"qryn", "ingest"},
    "routes": {"routes", "console", "ingest", "querier", "ui"},
}
"""The packages built into a function that needs more than its handler's package."""


def built() -> Path:
    """Returns the folder with a subfolder for each function and layer; skips the test without one."""
    folder = os.environ.get("BUNDLE")
    if not folder:
        pytest.skip("needs the output of `make bundle`: BUNDLE=.aws-sam/build")
    return REPO / folder


def rooms_of(function: str) -> set[str]:
    """Returns the packages and modules of functions/ that the function is built from."""
    room = FUNCTIONS[function].partition(".")[0]
    return _ROOMS.get(room, {room})


def import_path(function: str) -> list[str]:
    """Returns the function's import path on this machine architecture: its own code, then its layers."""
    layers = layers_of(function, platform.machine())
    return [str(built() / function), *(str(built() / layer / "python") for layer in layers)]


def layers_of(function: str, machine: str) -> list[str]:
    """Returns the layers of the function on this machine architecture."""
    fastapi = [FASTAPI[machine]] if budget_of(FUNCTIONS[function]).fastapi else []
    return [DEPENDENCIES[machine], "FlamehouseLayer", *fastapi]


def files(folder: Path) -> Iterator[Path]:
    """Yields every file below `folder`, in a reproducible order."""
    return (path for path in sorted(folder.rglob("*")) if path.is_file())
