"""The names of Go's generic functions, in the form that readers of a profile expect."""

import pytest

from tests.support.uploads.parts import parts_of
from tests.support.uploads.profiles import labels_of, pprof_of, sample
from tests.support.uploads.uploads import YEAR_2026_NS

SHAPED = "slices.Sort[go.shape.[]string]"
NAMES = {
    SHAPED: "slices.Sort",
    "main.main": "main.main",
    "main.Map[go.shape.int,go.shape.string].Get": "main.Map.Get",
    "main.(*Set[go.shape.struct { Id int }]).Add.func1": "main.(*Set).Add.func1",
    "main.F[go.shape.int].G[go.shape.int]": "main.F",
    "main.F[int]": "main.F[int]",
    "main.F[go.shape": "main.F[go.shape",
    "main.F[go.shape.int": "main.F[go.shape.int",
    "": "",
}


def stored_name(name: str, filename: str = "", spy: str | None = "gospy") -> str:
    """Returns a function's name as stored."""
    profile = pprof_of([sample([name], 1)], time_ms=YEAR_2026_NS // 10**6)
    profile.string_table.append(filename)
    profile.function[0].filename = len(profile.string_table) - 1
    [part] = parts_of(profile, labels_of(**({} if spy is None else {"pyroscope_spy": spy})))
    [function] = part.symbols.functions.values()
    return function.name


@pytest.mark.parametrize(("name", "shown"), NAMES.items())
def test_shapes_of_type_parameters_are_dropped(name: str, shown: str) -> None:
    assert stored_name(name) == shown


@pytest.mark.parametrize(
    ("spy", "filename", "is_go"),
    [
        ("gospy", "", True),
        ("gospy", "main.py", True),
        ("pyspy", "main.go", False),
        ("pyroscope-rs", "main.go", False),
        ("unknown", "main.go", True),
        ("unknown", "main.py", False),
        ("", "main.go", True),
        (None, "main.go", True),
        (None, "main.rs", False),
        (None, "", False),
    ],
)
def test_only_names_of_go_programs_are_changed(spy: str | None, filename: str, is_go: bool) -> None:
    assert stored_name(SHAPED, filename, spy) == (NAMES[SHAPED] if is_go else SHAPED)
