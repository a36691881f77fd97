"""What every format of a file is read as: the sample types it holds, and a way to have their samples in a call tree."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from adhoc.files.call_tree import CallTree
from flamehouse.model.call_tree import ROOT
from flamehouse.render.flamebearer import Shown
from ingest.formats.stacks.stack_profile import Stack


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileFile:
    """A file that was read. `fill(tree, type_, side)` adds the samples of the type with that number to a side."""

    types: Sequence[Shown]
    fill: Callable[[CallTree, int, int], None]


def file_of_stacks(shown: Shown, stacks: Iterable[Stack]) -> ProfileFile:
    """A file of one sample type. Stacks without frames or value count for nothing."""

    def fill(tree: CallTree, _type: int, side: int) -> None:
        for names, value in stacks:
            add_stack(tree, names, value, side)

    return ProfileFile(types=(shown,), fill=fill)


def add_stack(tree: CallTree, names: Iterable[str], value: int, side: int) -> None:
    """Add a stack, the root's name first; without frames or value it counts for nothing."""
    if value <= 0:
        return
    node = ROOT
    for name in names:
        node = tree.child(node, name)
    if node != ROOT:
        tree.add(node, value, side)
