"""The generated messages."""

from importlib import resources
from pathlib import Path

import pytest
from grpc_tools import protoc

from tests.support.servers.place import REPO

GENERATED = REPO / "layers/flamehouse/src"
SOURCES = sorted((REPO / "proto").rglob("*.proto"))


def test_the_generated_code_matches_its_sources(tmp_path: Path) -> None:
    files = [str(source.relative_to(REPO / "proto")) for source in SOURCES]
    well_known = resources.files("grpc_tools") / "_proto"
    options = [
        f"--proto_path={REPO / 'proto'}",
        f"--proto_path={well_known}",
        f"--python_out={tmp_path}",
        f"--pyi_out={tmp_path}",
    ]
    assert protoc.main(["protoc", *options, *files]) == 0
    fresh = {path.relative_to(tmp_path): path.read_text() for path in tmp_path.rglob("*_pb2.py*")}
    committed = {path.relative_to(GENERATED): path.read_text() for path in GENERATED.rglob("*_pb2.py*")}
    assert len(fresh) == 2 * len(SOURCES)
    assert committed == fresh, "run `make proto`"


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_imports_have_the_path_of_the_package(source: Path) -> None:
    imports = [line for line in source.read_text().splitlines() if line.startswith("import ")]
    assert all(line.startswith(('import "flamehouse/pb/', 'import "google/protobuf/')) for line in imports)
