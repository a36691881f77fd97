"""What `make bundle` built of this tree for AWS. Tests of it run where BUNDLE names its folder, as `make check` does."""

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
"""The layer of wheels for each machine, as the kernel calls it."""
FASTAPI: Final = {"aarch64": "FastapiArmLayer", "x86_64": "FastapiX86Layer"}
"""The layer with FastAPI, for functions whose budget has it."""
LAYERS: Final = (*DEPENDENCIES.values(), *FASTAPI.values(), "FlamehouseLayer")
FUNCTIONS: Final = {
    name: properties["Handler"].removesuffix(".handler")
    for name, properties in resources_of("AWS::Serverless::Function").items()
}
"""The module of each function's handler."""
_ROOMS: Final = {"adhoc": {"adhoc", "ingest"}, "routes": {"routes", "console", "ingest", "querier", "ui"}}
"""What is built into a function, where that is more than the package its handler is in."""


def built() -> Path:
    """The folder with a subfolder for each function and layer; the test is skipped where there is none."""
    folder = os.environ.get("BUNDLE")
    if not folder:
        pytest.skip("needs what `make bundle` builds: BUNDLE=.aws-sam/build")
    return REPO / folder


def rooms_of(function: str) -> set[str]:
    """The packages and modules of functions/ that the function is built of."""
    room = FUNCTIONS[function].partition(".")[0]
    return _ROOMS.get(room, {room})


def import_path(function: str) -> list[str]:
    """What the function finds its modules in, on a machine of this kind: its own code, then its layers."""
    layers = layers_of(function, platform.machine())
    return [str(built() / function), *(str(built() / layer / "python") for layer in layers)]


def layers_of(function: str, machine: str) -> list[str]:
    """The layers of the function on a machine of this kind."""
    fastapi = [FASTAPI[machine]] if budget_of(FUNCTIONS[function]).fastapi else []
    return [DEPENDENCIES[machine], "FlamehouseLayer", *fastapi]


def files(folder: Path) -> Iterator[Path]:
    """Every file below `folder`, in an order of its own for equal trees."""
    return (path for path in sorted(folder.rglob("*")) if path.is_file())
