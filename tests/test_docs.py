"""The docs list what the code has: every setting with its default, every route with its method, and nothing else."""

import re
import subprocess
from dataclasses import fields
from pathlib import Path

import click
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from all_in_one import _READY, create_app
from cli.__main__ import flamehouse
from flamehouse.services import Services
from flamehouse.settings import Settings
from flamehouse.web.routing import CleanPaths
from tests.support.servers.apps import request
from tests.support.servers.doubles import CannedStore

REPO = Path(__file__).resolve().parent.parent
PAGES = sorted(page.relative_to(REPO).as_posix() for page in (*REPO.glob("*.md"), *REPO.glob("docs/**/*.md")))
EMPTY = "(empty)"
ROW = re.compile(r"^\| `([^`|]+)` \| `([^`|]+)` \|", re.MULTILINE)
FENCED = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]*))?\)")


def read(page: str) -> str:
    return (REPO / page).read_text()


def rows(page: str) -> list[tuple[str, str]]:
    """Returns the first two cells of each table row in which both are code."""
    return ROW.findall(read(page))


def test_every_setting_is_documented_with_its_default() -> None:
    documented = dict(rows("docs/settings.md"))
    defaults = {
        field.name.upper(): str(EMPTY if field.default in ("", None) else field.default)
        for field in fields(Settings)
    }
    listening = {
        name: documented.pop(name) for name in ("HOST", "INSECURE", "PORT", "OTLP_GRPC_PORT", "DATA_DIR")
    }
    assert documented == defaults
    assert listening == {
        "HOST": "127.0.0.1",
        "INSECURE": str(EMPTY),
        "PORT": "4040",
        "OTLP_GRPC_PORT": str(EMPTY),
        "DATA_DIR": "./data",
    }


def test_every_command_is_documented() -> None:
    documented = {
        row.split()[1] for row in re.findall(r"^\| `(flamehouse [a-z-]+)", read("docs/cli.md"), re.MULTILINE)
    }
    assert documented == {*flamehouse.list_commands(click.Context(flamehouse))}


def test_every_route_is_documented_with_its_method() -> None:
    services = Services(settings=Settings(), store=CannedStore())
    served = create_app(lambda: services)
    assert isinstance(served, CleanPaths)
    assert isinstance(served.app, Starlette)
    paths = [route.path for route in served.app.routes if isinstance(route, Route)]
    methods = [request(served, path, method="TRACE").headers["Allow"] for path in paths]
    assert sorted(rows("docs/api.md")) == sorted(zip(methods, paths, strict=True))


@pytest.mark.parametrize("page", PAGES)
def test_links_between_pages_have_a_target(page: str) -> None:
    for target, anchor in LINK.findall(FENCED.sub("", read(page))):
        linked = (REPO / page).parent / target if target else REPO / page
        assert linked.exists(), target
        if anchor:
            assert anchor in anchors(linked.read_text()), f"{target}#{anchor}"


def anchors(text: str) -> set[str]:
    """Returns the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", FENCED.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES)
def test_make_targets_that_a_page_names_exist(page: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", read("Makefile"), re.MULTILINE))
    named = set(re.findall(r"(?:`|^)make ([a-z-]+)", read(page), re.MULTILINE))
    assert named <= targets


@pytest.mark.parametrize("page", PAGES)
def test_python_examples_are_valid_python(page: str) -> None:
    for example in re.findall(r"^```python\n(.*?)^```", read(page), re.DOTALL | re.MULTILINE):
        compile(example, page, "exec")


def test_every_decision_is_listed() -> None:
    decisions = {page.name for page in (REPO / "docs/adr").glob("[0-9]*.md")}
    assert decisions == set(re.findall(r"\]\((\d{4}-[a-z0-9-]+\.md)\)", read("docs/adr/README.md")))


def test_every_page_that_a_file_names_exists() -> None:
    grep = ["git", "grep", "-hIoE", r"\bdocs/[a-z0-9/-]+\.md\b", "--", ":!tests"]
    found = subprocess.run(grep, cwd=REPO, capture_output=True, text=True, check=False)
    if found.returncode:
        pytest.skip("not a clone: git finds no files")
    named = {*found.stdout.split()}
    assert {"docs/install.md", "docs/deploy.md"} <= named
    assert {page for page in named if not (REPO / page).exists()} == set()


def test_the_readme_shows_the_greeting_of_the_server() -> None:
    greeting = _READY.format(
        url="http://127.0.0.1:4040",
        user="",
        access="this machine only, without a credential",
        data="new database flamehouse in /home/you/flamehouse/data; profiles are retained for 30 days",
        grpc="",
    )
    assert f"\n```\n{greeting}\n```\n" in read("README.md")


def test_endpoints_documented_as_not_offered_are_not_served() -> None:
    missing = re.findall(r"^\| not offered \| ([^|;]+)", read("docs/api.md"), re.MULTILINE)
    paths = {path for cell in missing for path in re.findall(r"`(/[^`]*)`", cell)}
    assert paths == {"/explore", "/comparison", "/api/v1/status/config", "/api/v1/tenant_limits"}
    assert not paths & {path for _, path in rows("docs/api.md")}
