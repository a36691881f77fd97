"""The built functions, found by nothing but their own folder and layers."""

import json
import subprocess
import sys

import pytest

from tests.support.servers.bundle import FUNCTIONS, import_path, rooms_of

LIBRARIES = {
    *("anyio", "backports", "certifi", "clickhouse_connect", "google", "isal", "lz4", "mangum"),
    *("python_multipart", "starlette", "typing_extensions", "urllib3"),
}
"""What a cold start may import beside the standard library: every other package would be paid for by each of them."""

IMPORT = """
import importlib, json, sys
module, *path = sys.argv[1:]
standard = list(sys.path)
sys.path[:0] = path
handler = importlib.import_module(module).handler
files = {name: getattr(module, "__file__", None) or "" for name, module in sys.modules.items()}
foreign = [file for file in files.values() if file and not file.startswith((*path, *standard))]
packages = {name.partition(".")[0] for name, file in files.items() if file.startswith(tuple(path))}
print(json.dumps({"callable": callable(handler), "foreign": foreign, "packages": sorted(packages)}))
"""
"""Prints which packages of its path importing a handler brings in, and which files it took from outside."""


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_imports_its_own_room_the_kernel_and_few_libraries(function: str) -> None:
    run = subprocess.run(
        [sys.executable, "-I", "-S", "-c", IMPORT, FUNCTIONS[function], *import_path(function)],
        env={},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stderr) == (0, "")
    answer = json.loads(run.stdout)
    assert (answer["callable"], answer["foreign"]) == (True, [])
    shared = set() if function == "UiFunction" else {"flamehouse", *LIBRARIES}
    assert set(answer["packages"]) == rooms_of(function) | shared
