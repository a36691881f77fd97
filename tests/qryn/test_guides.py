"""The changes of docs/from-qryn.md to qryn's own files are those it describes, and no others."""

import re
from pathlib import Path
from typing import Any

import yaml

REPO = Path(__file__).resolve().parents[2]


def files_of(page: str) -> list[Any]:
    """Returns the YAML files that a page shows."""
    return [
        yaml.safe_load(text) for text in re.findall(r"^```ya?ml\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    ]


def test_the_guide_changes_a_dsn_and_a_url_of_the_files_on_qryns_page(shared_dir: Path) -> None:
    _, datasource, collector = files_of((shared_dir / "reference/profiling-ingestion.md").read_text())
    [ours, shown] = files_of((REPO / "docs/from-qryn.md").read_text())
    collector["exporters"]["clickhouseprofileexporter"]["dsn"] = "clickhouse://clickhouse:9000/flamehouse"
    datasource["datasources"][0]["url"] = "http://flamehouse:4040"
    assert (ours, shown) == (collector, datasource)
