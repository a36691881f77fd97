"""Stacks in each format of plain stacks, and speedscope files."""

import json
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import Any

type Stacks = Mapping[str, int]
"""The count of each stack, written as `root;child;leaf`."""

SCHEMA = "https://www.speedscope.app/file-format-schema.json"


def groups(stacks: Stacks) -> bytes:
    return "".join(f"{stack} {count}\n" for stack, count in stacks.items()).encode()


def lines(stacks: Stacks) -> bytes:
    return "".join(f"{stack}\n" * count for stack, count in stacks.items()).encode()


def trie(stacks: Stacks) -> bytes:
    """Returns a node for each byte, so that names end at any node."""
    return _trie(b"", {stack.encode(): count for stack, count in stacks.items()})


def tree(stacks: Stacks) -> bytes:
    return _tree("", {tuple(stack.split(";")): count for stack, count in stacks.items()})


def speedscope(stacks: Stacks) -> bytes:
    """Returns a file in bytes, a unit whose weights are stored unchanged."""
    names = sorted({name for stack in stacks for name in stack.split(";")})
    samples = [[names.index(name) for name in stack.split(";")] for stack in stacks]
    return file(sampled(samples, [*stacks.values()], unit="bytes"), frames=names)


WRITERS: Mapping[str, Callable[[Stacks], bytes]] = {
    "groups": groups,
    "lines": lines,
    "trie": trie,
    "tree": tree,
    "speedscope": speedscope,
}


def varint(number: int) -> bytes:
    written = bytearray()
    while number >= 0x80:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*written, number))


def node(name: bytes, value: int, children: int) -> bytes:
    """Returns a node of a trie or tree; its children must follow."""
    return varint(len(name)) + name + varint(value) + varint(children)


def sampled(samples: Any, weights: Any, **more: Any) -> dict[str, Any]:
    """Returns a profile of a speedscope file."""
    return {
        "type": "sampled",
        "name": "",
        "unit": "none",
        "startValue": 0,
        "samples": samples,
        "weights": weights,
        **more,
    }


def evented(*events: tuple[str, float, int], **more: Any) -> dict[str, Any]:
    """Returns a profile of a speedscope file, of events such as ("O", when, frame)."""
    return {
        "type": "evented",
        "name": "",
        "unit": "none",
        "startValue": 0,
        "events": [{"type": type_, "at": at, "frame": frame} for type_, at, frame in events],
        **more,
    }


def file(*profiles: Any, frames: Sequence[Any] = ("main", "work", "rest"), **more: Any) -> bytes:
    """Returns a speedscope file."""
    shared = {"frames": [{"name": name} for name in frames]}
    return json.dumps({"$schema": SCHEMA, "shared": shared, "profiles": profiles, **more}).encode()


def _trie(name: bytes, rests: Mapping[bytes, int]) -> bytes:
    below = sorted((rest, count) for rest, count in rests.items() if rest)
    children = [
        _trie(first, {rest[1:]: count for rest, count in group})
        for first, group in groupby(below, key=lambda each: each[0][:1])
    ]
    return node(name, rests.get(b"", 0), len(children)) + b"".join(children)


def _tree(name: str, rests: Mapping[tuple[str, ...], int]) -> bytes:
    below = sorted((rest, count) for rest, count in rests.items() if rest)
    children = [
        _tree(first, {rest[1:]: count for rest, count in group})
        for first, group in groupby(below, key=lambda each: each[0][0])
    ]
    return node(name.encode(), rests.get((), 0), len(children)) + b"".join(children)
