"""Normalizes the names of Go's generic functions, which the compiler generates per shape of their type parameters."""

import re
from collections.abc import Mapping

from flamehouse.pb import profile_pb2
from ingest.profile.series_labels import SPY_LABEL

_GO_SPY = "gospy"
_OTHER_SPIES = frozenset({"dotnetspy", "javaspy", "nodespy", "phpspy", "pyroscope-rs", "pyspy", "rbspy"})
_GO_FILE = ".go\0"
_SHAPE = "[go.shape."
_SHAPES = re.compile(r"\[go\.shape\..*\]")


def is_go(labels: Mapping[str, str], pprof: profile_pb2.Profile) -> bool:
    """Return whether the profile is of a Go program: by its SDK or, for unknown SDKs, by a Go source file.

    Profiles of native stacks have no source files, and their names are not changed.
    """
    spy = labels.get(SPY_LABEL)
    if spy == _GO_SPY:
        return True
    return spy not in _OTHER_SPIES and _GO_FILE in "\0".join((*pprof.string_table[:], ""))


def without_shapes(name: str) -> str:
    """Return the function's name without shapes: `slices.Sort` for `slices.Sort[go.shape.string]`."""
    return _SHAPES.sub("", name) if _SHAPE in name else name
