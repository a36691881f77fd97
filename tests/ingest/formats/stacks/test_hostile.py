"""Any plain stacks and speedscope files are stored or rejected, in bounded time and memory."""

import gzip
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.costs import costing_at_most
from tests.support.fuzzing import fuzzed
from tests.support.uploads.stack_uploads import WRITERS, evented, file, node, sampled, varint
from tests.support.uploads.uploads import Ingest, rejection

MIB = 1 << 20
STACKS = {"main;work;größe": 3, "main;work": 200, "main;rest": 1}
EVENTED = file(
    evented(("O", 0, 0), ("O", 1, 1), ("C", 2.5, 1), ("C", 3, 0), name="a", unit="seconds"),
    sampled([[0, 1], [0]], [1, 0.5], unit="bytes"),
)
BODIES = [*((name, write(STACKS)) for name, write in WRITERS.items()), ("speedscope", EVENTED)]


def send(name: str, data: bytes) -> int:
    """Sends the bytes in this format; checks that a rejection is a client error and stores nothing."""
    ingest = Ingest()
    status = ingest.post(data, f"name=shop&format={name}").status_code
    assert status == 200 or (status in {400, 422} and not ingest.uploads)
    return status


@pytest.mark.parametrize(("name", "body"), BODIES)
def test_truncated_input_causes_no_server_fault(name: str, body: bytes) -> None:
    statuses = [send(name, body[:end]) for end in range(len(body))]
    if name in {"trie", "tree"}:
        assert set(statuses[1:]) == {422}
    if name == "speedscope":
        assert set(statuses) == {422}


@pytest.mark.parametrize(("name", "body"), BODIES)
def test_a_flipped_bit_causes_no_server_fault(name: str, body: bytes) -> None:
    for bit in range(0, len(body) * 8, 3):
        send(name, body[: bit // 8] + bytes([body[bit // 8] ^ 1 << bit % 8]) + body[bit // 8 + 1 :])


@pytest.mark.parametrize("name", WRITERS)
@fuzzed(40)
@given(data=st.binary(max_size=200))
def test_arbitrary_bytes_cause_no_server_fault(name: str, data: bytes) -> None:
    send(name, data)


@pytest.mark.parametrize(("name", "body"), BODIES)
@fuzzed(40)
@given(data=st.data())
def test_replaced_bytes_cause_no_server_fault(name: str, body: bytes, data: st.DataObject) -> None:
    changed = bytearray(body)
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(changed) - 1))
        changed[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
        changed = changed or bytearray(1)
    send(name, bytes(changed))


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.sampled_from(["", "O", "C", "seconds", "é"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "type", "at", "frame", "frames"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@fuzzed(100)
@given(
    st.sampled_from(["type", "name", "unit", "startValue", "samples", "weights", "events", "frames"]), JSON
)
def test_arbitrary_json_in_place_of_a_field_causes_no_server_fault(field: str, value: object) -> None:
    more: dict[str, Any] = {"shared": {"frames": value}} if field == "frames" else {}
    for profile in (sampled([[0, 1]], [1]), evented(("O", 0, 0), ("C", 1, 0))):
        send("speedscope", file({**profile, field: value}, **more))


@pytest.mark.parametrize(
    ("name", "body", "response"),
    [
        (
            "groups",
            b"a 1\nmain x",
            (422, "line 2: expected a stack, a space and a 64-bit integer, but it ends in 'x'"),
        ),
        (
            "groups",
            b"main 1.5",
            (422, "line 1: expected a stack, a space and a 64-bit integer, but it ends in '1.5'"),
        ),
        (
            "groups",
            b"main 9223372036854775808",
            (
                422,
                "line 1: expected a stack, a space and a 64-bit integer, but it ends in '9223372036854775808'",
            ),
        ),
        (
            "groups",
            b"main " + b"9" * 60_000,
            (422, f"line 1: expected a stack, a space and a 64-bit integer, but it ends in '{'9' * 40}'"),
        ),
        ("groups", b"a 1\n" + b"x" * 65_534 + b" 1\n", (422, "line 2 is longer than 65535 bytes")),
        (
            "groups",
            b"a 9223372036854775807\nb 1",
            (400, "the values of sample type 'cpu' add up to more than 64 bits"),
        ),
        ("groups", b"a\xff;b\xfe 1", (400, "invalid utf8 string hex: 61ff")),
        ("lines", b"x" * 65_536, (422, "line 1 is longer than 65535 bytes")),
        ("lines", b"main;\xff", (400, "invalid utf8 string hex: ff")),
        ("trie", node(b"\xc3", 1, 0), (400, "invalid utf8 string hex: c3")),
        ("trie", b"\x80", (422, "the data ends within the last node")),
        ("trie", varint(65_536), (422, "a name of 65536 bytes exceeds the maximum of 65535")),
        ("trie", b"\xff" * 9 + b"\x02", (422, "a number exceeds 64 bits")),
        ("trie", b"\x80" * 11, (422, "a number exceeds 64 bits")),
        ("trie", node(b"a", 1, 1 << 40), (422, "the data ends within the last node")),
        ("tree", node(b"", 0, 2) + node(b"a", 1, 0), (422, "the data ends within the last node")),
        (
            "tree",
            node(b"", 0, 1) + node(b"a", (1 << 64) - 1, 0),
            (400, "the values of sample type 'cpu' add up to more than 64 bits"),
        ),
    ],
)
def test_an_invalid_request_is_explained(name: str, body: bytes, response: tuple[int, str]) -> None:
    ingest = Ingest()
    status, code, message = rejection(ingest.post(body, f"name=shop&format={name}"))
    assert (status, message.partition(f" IngestInput-{name} failed ")[2]) == response
    assert code == ("unknown" if status == 422 else "invalid_argument")
    assert ingest.uploads == []


def chain(count: int, name: bytes = b"a", value: int = 1) -> bytes:
    """Returns nested nodes."""
    return node(name, value, 1) * (count - 1) + node(name, value, 0)


def fan(depth: int, leaves: int, name: bytes) -> bytes:
    """Returns many leaves below a long path."""
    return (
        node(name, 0, 1) * (depth - 1)
        + node(name, 0, leaves)
        + b"".join(node(b"%x" % n, 1, 0) for n in range(leaves))
    )


def nested(count: int) -> bytes:
    """Returns one thread's events, each deeper than the previous one."""
    return file(
        *(
            evented(*(("O", at, 0) for at in range(count)), name=f"{number}")
            for number in range(90_000 // count)
        ),
        frames=("a",),
    )


BOMBS: Mapping[str, tuple[str, Callable[[], bytes], str]] = {
    "a deep trie": ("trie", lambda: chain(1_000_000), "67108864 bytes in the paths of its nodes"),
    "a deep tree": ("tree", lambda: chain(1_000_000), "67108864 bytes in the paths of its nodes"),
    "a deep tree without names": (
        "tree",
        lambda: chain(1_000_000, b""),
        "67108864 bytes in the paths of its nodes",
    ),
    "a long path to many leaves": (
        "trie",
        lambda: fan(20, 300_000, b"x" * 60_000),
        "67108864 bytes in the paths",
    ),
    "many frames": ("tree", lambda: fan(1_000, 30_000, b""), "4000000 frames in its stacks"),
    "many stacks": (
        "groups",
        lambda: b"".join(b"%x 1\n" % n for n in range(500_000)),
        "262144 distinct stacks",
    ),
    "many short frames": (
        "groups",
        lambda: b"\n".join(b"a;" * 999 + b"%d 1" % n for n in range(2_090)),
        "limit: 2000000",
    ),
    "nested lists": ("speedscope", lambda: b"[" * MIB, "malformed JSON"),
    "more nested lists": ("speedscope", lambda: b"[" * 4 * MIB, "more than 1048576 objects and lists"),
    "nested objects": ("speedscope", lambda: b'{"a":' * 800_000, "malformed JSON"),
    "a long number": ("speedscope", lambda: b"9" * 4 * MIB, "malformed JSON"),
    "many lists": ("speedscope", lambda: b"[" + b"[]," * 1_000_000 + b"[]]", "the file is not an object"),
    "many profiles": ("speedscope", lambda: file(*[{}] * 1_001), "more than 1000 profiles"),
    "nested events": ("speedscope", lambda: nested(2_800), "4000000 frames in its stacks"),
    "events nested in one profile": ("speedscope", lambda: nested(90_000), "4000000 frames in its stacks"),
    "names shared by profiles": (
        "speedscope",
        lambda: file(
            *(sampled([[*range(50)]], [1], name=f"{n}", unit="seconds") for n in range(900)),
            frames=[f"{n}{'x' * 60_000}" for n in range(50)],
        ),
        "16777216 characters in its frame names",
    ),
}


@pytest.mark.parametrize(("name", "written", "message"), BOMBS.values(), ids=BOMBS)
def test_small_inputs_that_expand_cost_little(name: str, written: Callable[[], bytes], message: str) -> None:
    data = written()
    assert len(data) <= 4 * MIB
    ingest = Ingest()
    with costing_at_most(seconds=20, mib=400):
        status, _, response = rejection(ingest.post(data, f"name=shop&format={name}"))
    assert (status in {400, 422}, ingest.uploads) == (True, [])
    assert message in response


def test_a_profile_over_a_limit_is_rejected_while_it_is_decoded() -> None:
    bomb = gzip.compress(b"main 1\n" * (4 * MIB), mtime=0)
    for query in ("name=shop", "name=shop&format=lines", "name=shop&format=speedscope"):
        ingest = Ingest()
        with costing_at_most(seconds=5, mib=100):
            assert rejection(ingest.post(bomb, query))[0] == 422
        assert ingest.uploads == []
