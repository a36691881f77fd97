"""Keys of blobs: their parts, built and parsed."""

import pytest

from flamehouse.blobs.keys import REASON, UploadKey, hour_of, quarantine_key

ID = bytes(range(32))
NS = 1_795_935_599_999_999_999  # 2026-11-29T06:59:59 UTC


def test_an_upload_has_a_key_in_each_place() -> None:
    key = UploadKey.of("team!'(*)-_.", ID, NS)
    assert key.staged == f"staged/team!'(*)-_./2026-11-29/06/{ID.hex()}"
    assert key.kept == f"kept/team!'(*)-_./2026-11-29/06/{ID.hex()}"
    assert UploadKey.parse(key.staged) == UploadKey.parse(key.kept) == key


@pytest.mark.parametrize(
    "key",
    [
        "",
        "staged/",
        "drops/team/cpu.pprof",
        f"drops/team/2026-11-29/06/{ID.hex()}",
        f"staged/staged/team/2026-11-29/06/{ID.hex()}",
        f"quarantine/staged/team/2026-11-29/06/{ID.hex()}",
        f"staged/team/2026-11-29/06/{ID.hex()[1:]}",
        f"staged/team/2026-11-29/06/{ID.hex().upper()}",
        f"staged/team/2026-11-29/06/{ID.hex()}.json",
        f"staged//2026-11-29/06/{ID.hex()}",
    ],
)
def test_any_other_key_is_ignored(key: str) -> None:
    assert UploadKey.parse(key) is None


@pytest.mark.parametrize(
    ("time_ns", "hour"),
    [
        (0, "1970-01-01/00"),
        (-1, "1969-12-31/23"),
        (NS, "2026-11-29/06"),
        (NS + 1, "2026-11-29/07"),
        ((1 << 63) - 1, "2262-04-11/23"),
    ],
)
def test_hours_are_in_utc(time_ns: int, hour: str) -> None:
    assert hour_of(time_ns) == hour


def test_quarantine_prefixes_the_key() -> None:
    assert quarantine_key("drops/team/a b.pprof") == "quarantine/drops/team/a b.pprof"


def test_the_longest_keys_fit_into_quarantine_and_stay_distinct() -> None:
    long = ["drops/" + "ü" * 509 + end for end in ("", "a", "b")]
    moved = [quarantine_key(key) for key in long]
    assert len(set(moved)) == 3
    assert all(len(f"{key}{REASON}".encode()) <= 1_024 for key in moved)
    assert all(key.startswith("quarantine/drops/ü") for key in moved)
