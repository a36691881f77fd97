"""The built functions, found by nothing but their own folder and layers."""

import json
import resource
import subprocess
import sys

import pytest

from bundle import CONSOLES, FUNCTIONS, QUERIERS, import_path

HEAVY = {"numpy", "pandas", "pyarrow", "chdb", "boto3", "botocore", "fastapi"}

IMPORT = """
import importlib, json, sys
module, *path = sys.argv[1:]
standard = list(sys.path)
sys.path[:0] = path
handler = importlib.import_module(module).handler
files = [getattr(module, "__file__", None) or "" for module in sys.modules.values()]
foreign = [file for file in files if file and not file.startswith((*path, *standard))]
print(json.dumps({"callable": callable(handler), "modules": list(sys.modules), "foreign": foreign}))
"""
"""Prints what importing a handler brings in, and which files it took from outside its path."""


def imported(function: str) -> set[str]:
    run = subprocess.run(
        [sys.executable, "-I", "-S", "-c", IMPORT, FUNCTIONS[function], *import_path(function)],
        env={},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    answer = json.loads(run.stdout)
    assert (answer["callable"], answer["foreign"], run.stderr) == (True, [], "")
    return set(answer["modules"])


@pytest.mark.parametrize("function", QUERIERS)
def test_a_querier_needs_nothing_heavy_and_no_write_path(function: str) -> None:
    assert not imported(function) & {*HEAVY, "ingest"}


@pytest.mark.parametrize("function", CONSOLES)
def test_the_console_needs_nothing_heavy_and_no_path_of_profiles(function: str) -> None:
    assert not imported(function) & {*HEAVY, "ingest", "querier"}


def test_the_ingest_function_needs_nothing_heavy_and_no_read_path() -> None:
    assert not imported("IngestFunction") & {*HEAVY, "querier"}


def test_the_function_of_ad_hoc_profiles_needs_nothing_heavy_and_no_read_path() -> None:
    assert not imported("AdHocProfilesFunction") & {*HEAVY, "querier", "console"}


def import_cpu_s(statement: str) -> float:
    """The least processor time of several fresh interpreters that import as the largest querier does."""
    code = f"import sys; sys.path[:0] = sys.argv[1:]; {statement}"
    path = import_path("SelectMergeStacktracesFunction")
    times = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-I", "-S", "-c", code, *path], env={}, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(times)


def test_our_own_code_adds_little_to_a_cold_start() -> None:
    libraries = import_cpu_s(
        "import starlette.applications, starlette.routing, mangum, clickhouse_connect, google.protobuf.json_format"
    )
    querier = import_cpu_s("import querier.select_merge_stacktraces")
    assert querier < 1.5 * libraries
