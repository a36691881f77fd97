"""Paths as clients join them."""

import pytest

from flamehouse.web.routing import clean_path


@pytest.mark.parametrize(
    ("path", "prefix", "cleaned"),
    [
        ("/ingest", "", "/ingest"),
        ("//ingest", "", "/ingest"),
        ("///a.v1.B//C", "", "/a.v1.B/C"),
        ("/", "", "/"),
        ("/prod/ingest", "prod", "/ingest"),
        ("/prod//ingest", "/prod/", "/ingest"),
        ("/a/b/ingest", "a/b", "/ingest"),
        ("/prod", "prod", "/"),
        ("/prod/", "prod", "/"),
        ("/ingest", "prod", "/ingest"),
        ("/production/ingest", "prod", "/production/ingest"),
        ("/x/prod/ingest", "prod", "/x/prod/ingest"),
        ("/prod/prod/ingest", "prod", "/prod/ingest"),
        ("//ingest", "/", "/ingest"),
    ],
)
def test_repeated_slashes_and_the_prefix_are_removed_from_a_path(
    path: str, prefix: str, cleaned: str
) -> None:
    assert clean_path(path, prefix) == cleaned
