"""The examples that a page of docs shows, and the programs that run them."""

import re
import shutil

import pytest


def examples(page: str, language: str, heading: str | None = None) -> list[str]:
    """Returns the examples in a language (an expression), of one section or of the whole page."""
    if heading is not None:
        _, _, section = page.partition(f"\n## {heading}\n")
        page = section.partition("\n## ")[0]
    return re.findall(rf"^```{language}\n(.*?)^```", page, re.DOTALL | re.MULTILINE)


def executable(name: str) -> str:
    """Returns the path of a program; skips the test if it is not installed."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path
