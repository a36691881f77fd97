"""The journal as a process finds it that comes after a killed one."""

from pathlib import Path

import pytest

from flamehouse.store.write.journal import Journal
from flamehouse.store.write.rollback import Footprint

ONE = Footprint(
    tenant="a", upload_ids=[bytes(range(32)), b"\xff" * 32], fingerprints=[0, 2**64 - 1], hours=[0]
)
OTHER = Footprint(tenant="(b)!", upload_ids=[bytes(32)], fingerprints=[], hours=[490_000, 490_168])


def test_a_group_that_was_begun_is_unfinished_for_whoever_comes_after(tmp_path: Path) -> None:
    Journal(tmp_path).begin([ONE, OTHER])
    assert Journal(tmp_path).unfinished() == [ONE, OTHER]


@pytest.mark.parametrize("groups", [0, 1, 2])
def test_nothing_is_unfinished_when_all_groups_ended(tmp_path: Path, groups: int) -> None:
    journal = Journal(tmp_path)
    for _ in range(groups):
        journal.begin([ONE])
        journal.end()
    assert journal.unfinished() == []
    assert [*tmp_path.iterdir()] == []


def test_a_group_whose_note_was_cut_off_was_not_begun(tmp_path: Path) -> None:
    Journal(tmp_path).begin([ONE])
    (note,) = tmp_path.iterdir()
    half = note.with_suffix(".draft")
    half.write_text(note.read_text()[:20])
    note.unlink()
    assert Journal(tmp_path).unfinished() == []
    Journal(tmp_path).begin([OTHER])
    assert Journal(tmp_path).unfinished() == [OTHER]
