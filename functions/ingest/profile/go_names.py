"""Normalizes the names of Go's generic functions; the compiler generates one for each shape of type parameters."""

import re
from collections.abc import Mapping, Sequence

from ingest.profile.series_labels import SPY_LABEL

_GO_SPY = "gospy"
_OTHER_SPIES = frozenset({"dotnetspy", "javaspy", "nodespy", "phpspy", "pyroscope-rs", "pyspy", "rbspy"})
_GO_FILE = ".go\0"
_SHAPE = "[go.shape."
_SHAPES = re.compile(r"\[go\.shape\..*\]")


def names_of(labels: Mapping[str, str], strings: Sequence[str]) -> Sequence[str]:
    """Return the string table for function names: Go's `slices.Sort[go.shape.string]` becomes `slices.Sort`."""
    text = "\0".join((*strings, ""))
    if _SHAPE not in text or not _is_go(labels, text):
        return strings
    return [_SHAPES.sub("", name) if _SHAPE in name else name for name in strings]


def _is_go(labels: Mapping[str, str], text: str) -> bool:
    """Return whether the profile is of a Go program: by its SDK or, for unknown SDKs, by a Go source file.

    Profiles of native stacks have no source files, and their names are not changed.
    """
    spy = labels.get(SPY_LABEL)
    return spy == _GO_SPY or (spy not in _OTHER_SPIES and _GO_FILE in text)
