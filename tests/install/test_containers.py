"""The Dockerfile and compose.yaml, checked without Docker: linted, and compared with the sources."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deployment.test_requirements import pinned
from tests.support.servers.place import REPO

COPIED = re.compile(r"^COPY (?!--from)(.+) \S+$", re.MULTILINE)


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((REPO / "compose.yaml").read_text())
    return read


def test_the_dockerfile_passes_its_linter() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, REPO / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_sources_of_the_dockerfile_exist_and_are_not_ignored() -> None:
    copied = [source for line in COPIED.findall((REPO / "Dockerfile").read_text()) for source in line.split()]
    ignored_but = {
        line.removeprefix("!")
        for line in (REPO / ".dockerignore").read_text().split()
        if line.startswith("!")
    }
    assert {*copied} == ignored_but
    assert all((REPO / source).exists() for source in copied)


def test_the_image_has_the_tested_versions() -> None:
    lock, image = pinned("requirements.lock"), pinned("requirements.local.txt")
    assert {"chdb", "click", "rich", "uvicorn"} <= image.keys()
    assert image == {name: lock[name] for name in image}


def test_grafana_is_provisioned_with_the_server_as_its_data_source(compose: dict[str, Any]) -> None:
    grafana = compose["services"]["grafana"]
    [mounted] = [volume for volume in grafana["volumes"] if "provisioning/datasources" in volume]
    path = mounted.split(":")[0]
    [source] = yaml.safe_load((REPO / path).read_text())["datasources"]
    assert (source["type"], source["access"]) == ("grafana-pyroscope-datasource", "proxy")
    host, port = re.fullmatch(r"http://(\w+):(\d+)", source["url"]).groups()  # type: ignore[union-attr]
    server = compose["services"][host]
    assert [published.split(":")[-1] for published in server["ports"]] == [port]
    assert f"PORT={port}" in (REPO / "Dockerfile").read_text()
    variable = source["secureJsonData"]["basicAuthPassword"].removeprefix("$")
    assert {*server["environment"]} == {*grafana["environment"]} == {variable} == {"API_CREDENTIAL"}


def test_every_volume_is_declared_and_no_port_is_open_to_other_machines(compose: dict[str, Any]) -> None:
    services = compose["services"].values()
    named = {volume.split(":")[0] for one in services for volume in one["volumes"] if volume[0] not in "./"}
    assert named == {*compose["volumes"]}
    assert all(port.startswith("127.0.0.1:") for one in services for port in one["ports"])
