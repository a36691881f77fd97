"""The built functions, importing only from their own folder and layers."""

import json
import subprocess
import sys

import pytest

from bench.budget import budget_of
from tests.support.servers.bundle import FUNCTIONS, import_path, rooms_of

IMPORT = """
import importlib, json, sys
module, *path = sys.argv[1:]
standard = list(sys.path)
sys.path[:0] = path
handler = importlib.import_module(module).handler
files = {name: getattr(module, "__file__", None) or "" for name, module in sys.modules.items()}
foreign = [file for file in files.values() if file and not file.startswith((*path, *standard))]
packages = {name.partition(".")[0] for name, file in files.items() if file.startswith(tuple(path))}
kernel = [name for name in files if name.startswith("flamehouse.")]
found = {"foreign": foreign, "packages": sorted(packages), "kernel": kernel}
print(json.dumps({"callable": callable(handler), **found}))
"""
"""Imports a handler; prints the packages and modules that this loads from its path, and the files from elsewhere."""


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_imports_its_own_package_the_kernel_and_the_libraries_of_its_budget(function: str) -> None:
    run = subprocess.run(
        [sys.executable, "-I", "-S", "-c", IMPORT, FUNCTIONS[function], *import_path(function)],
        env={},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stderr) == (0, "")
    response = json.loads(run.stdout)
    assert (response["callable"], response["foreign"]) == (True, [])
    budget = budget_of(FUNCTIONS[function])
    shared = set() if function == "UiFunction" else {"flamehouse", *budget.libraries}
    assert set(response["packages"]) == rooms_of(function) | shared
    assert sorted(budget.without & set(response["kernel"])) == []
