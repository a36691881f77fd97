"""The wheels deployed to AWS are those of the tests."""

import re

from tests.support.servers.place import REPO

LOCAL_ONLY = {"chdb", "uvicorn", "fastapi", "numpy", "pandas", "pyarrow", "prometheus-client"}


def pinned(path: str) -> dict[str, tuple[str, frozenset[str]]]:
    """Returns the version and the hashes of each package."""
    text = (REPO / path).read_text()
    found = re.findall(r"^([\w.-]+)==([^ ;]+)[^\n]*((?:\n    --hash=\S+(?: \\)?)+)", text, re.MULTILINE)
    return {
        name: (version, frozenset(re.findall(r"sha256:\w{64}", hashes))) for name, version, hashes in found
    }


def test_the_layers_match_the_lock_and_have_no_package_twice() -> None:
    lock = pinned("requirements.lock")
    layer = pinned("layers/dependencies/requirements.txt")
    fastapi = pinned("layers/dependencies/fastapi.txt")
    assert {"fastapi", "pydantic"} <= fastapi.keys()
    assert fastapi == {name: lock[name] for name in fastapi}
    assert not fastapi.keys() & layer.keys()
    assert {"clickhouse-connect", "mangum", "protobuf", "starlette", "python-multipart"} <= layer.keys()
    assert layer == {name: lock[name] for name in layer}


def test_the_layer_requires_no_local_package() -> None:
    assert not LOCAL_ONLY & pinned("layers/dependencies/requirements.txt").keys()
