"""The page's modules pass oxlint, and none creates elements from text."""

import re
import subprocess
import sys
from pathlib import Path

from tests.support.servers.place import REPO
from ui.page import STATIC

OXLINT = Path(sys.executable).parent / "oxlint"
BANNED = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function\(|\.cssText|setAttribute\(\"(?:on|style)"
)


def test_modules_pass_the_linter() -> None:
    run = subprocess.run(
        [OXLINT, "--deny-warnings", "--config", REPO / ".oxlintrc.json", STATIC / "js"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_untrusted_text_never_becomes_markup() -> None:
    for module in (STATIC / "js").rglob("*.js"):
        assert not BANNED.search(module.read_text()), module


def test_the_index_has_no_inline_scripts_or_styles() -> None:
    index = (STATIC / "index.html").read_text()
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", index)
    assert not re.search(r"https?://", index)
