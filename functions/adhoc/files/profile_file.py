"""The result of reading a file of any format: its sample types, and a function that fills a call tree."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from adhoc.files.call_tree import CallTree
from flamehouse.model.call_tree import ROOT
from flamehouse.render.flamebearer import Shown
from ingest.formats.stacks.stack_profile import Stack


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileFile:
    """A parsed file. `fill(tree, type_, side)` adds the samples of type number `type_` to one side of the tree."""

    types: Sequence[Shown]
    fill: Callable[[CallTree, int, int], None]


def file_of_stacks(shown: Shown, stacks: Iterable[Stack]) -> ProfileFile:
    """Return a file with one sample type. Stacks without frames or without a positive value are ignored."""

    def fill(tree: CallTree, _type: int, side: int) -> None:
        for names, value in stacks:
            add_stack(tree, names, value, side)

    return ProfileFile(types=(shown,), fill=fill)


def add_stack(tree: CallTree, names: Iterable[str], value: int, side: int) -> None:
    """Add a stack, root first, unless it has no frames or no positive value."""
    if value <= 0:
        return
    node = ROOT
    for name in names:
        node = tree.child(node, name)
    if node != ROOT:
        tree.add(node, value, side)
