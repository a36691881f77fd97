"""Vendored files are the published ones, each listed with its licence."""

import hashlib
import re

from tests.support.servers.place import REPO

VENDOR = REPO / "functions/ui/static/vendor"
ROW = re.compile(r"^\| (\S+) \| (\S+) \| (\S+) \| .+ \| `([^`]+)` \| `([0-9a-f]{64})` \|$", re.MULTILINE)


def test_each_vendored_file_has_its_recorded_hash() -> None:
    rows = ROW.findall((VENDOR / "README.md").read_text())
    listed = {file: hash_ for _, _, _, file, hash_ in rows}
    found = {
        path.relative_to(VENDOR).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in VENDOR.rglob("*")
        if path.is_file() and path.name != "README.md"
    }
    assert found == listed


def test_each_library_folder_is_named_by_version_and_has_the_licence() -> None:
    for library, version, licence, file, _ in ROW.findall((VENDOR / "README.md").read_text()):
        folder = VENDOR / file.split("/")[0]
        assert folder.name == f"{library.lower()}-{version}"
        assert f"The {licence} License" in (folder / "LICENSE").read_text()
