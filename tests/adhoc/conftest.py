"""A server of ad hoc profiles for each test."""

from pathlib import Path

import pytest

from tests.support.uploads.adhoc_files import AdHoc
from tests.support.uploads.adhoc_server import adhoc_on


@pytest.fixture
def adhoc(tmp_path: Path) -> AdHoc:
    return adhoc_on(tmp_path)
