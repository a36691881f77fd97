"""Ids of ad hoc profiles: a ULID and a name, safe in paths and keys."""

import pytest

from adhoc.profile_id import ProfileId
from flamehouse.errors import Code, RpcError

ULID = "01HMXV8BF4EH71NBYZNPPVGJ2X"


def test_an_id_has_the_time_and_the_name_of_its_file() -> None:
    id_ = ProfileId.parse(f"{ULID}-cpu.pprof")
    assert (id_.name, id_.uploaded_at) == ("cpu.pprof", 1_706_103_680_484)


@pytest.mark.parametrize("uploaded_at", [0, 1, 1_706_103_680_484, (1 << 48) - 1])
def test_a_new_id_parses_to_its_parts(uploaded_at: int) -> None:
    made = ProfileId.new("cpu.pprof", uploaded_at)
    assert ProfileId.parse(made.text) == made
    assert made.uploaded_at == uploaded_at


def test_ids_created_at_the_same_time_differ() -> None:
    assert len({ProfileId.new("a", 1).text for _ in range(1_000)}) == 1_000


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("test/../../../etc/passwd", "test_.._.._.._etc_passwd"),
        ("my profile (1).pb.gz", "my_profile__1_.pb.gz"),
        ("größe.json", "gr__e.json"),
        ("", "profile"),
        ("..", ".."),
        ("x" * 1_000 + ".pprof", "x" * 144 + ".pprof"),
        ("nul\0\n", "nul__"),
    ],
)
def test_a_name_retains_the_characters_that_an_id_may_have(name: str, kept: str) -> None:
    id_ = ProfileId.new(name, 1)
    assert id_.name == kept
    assert "/" not in ProfileId.parse(id_.text).text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "cpu.pprof",
        ULID,
        f"{ULID}-",
        f"{ULID}-a/b",
        f"../{ULID}-a",
        f"{ULID}-../../etc/passwd",
        f"{ULID}-a\n",
        f"{ULID}-ä",
        f"{ULID.lower()}-a",
        f"8{ULID[1:]}-a",
        f"I{ULID[1:]}-a",
        f"{ULID}-{'x' * 151}",
    ],
)
def test_an_invalid_id_is_rejected(text: str) -> None:
    with pytest.raises(RpcError, match="invalid ad hoc profile id") as raised:
        ProfileId.parse(text)
    assert raised.value.code is Code.INVALID_ARGUMENT
