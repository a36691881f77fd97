"""Measures the parsing of plain stacks to pprof messages, with the same stacks in each format."""

import json
from collections.abc import Mapping, Sequence
from itertools import groupby
from random import Random
from time import process_time
from typing import Final

from bench.plan import Plan
from bench.report import Line, mb
from ingest.formats import FORMATS
from ingest.request.query import parse_ingest_request

_DEPTH: Final = 60
_COMMON: Final = 20
"""The number of root frames that all stacks share, and of the next ones that 40 share: real stacks diverge late."""
_FUNCTIONS: Final = 3_000
_SCHEMA: Final = "https://www.speedscope.app/file-format-schema.json"

type _Stacks = list[list[str]]


def measure(plan: Plan) -> Sequence[Line]:
    """Return a line per format: the minimum CPU time of several repetitions."""
    stacks = _stacks(plan.drawn)
    return [
        Line(
            what=f"CPU: {name}, {len(stacks):,} stacks of {_DEPTH} frames",
            ours=f"{min(_cpu_ms(name, body) for _ in range(plan.repeats)):.1f} ms",
            beside=mb(len(body)),
        )
        for name, body in _bodies(stacks).items()
    ]


def _stacks(count: int) -> _Stacks:
    random = Random(1)
    names = [f"com.example.shop.module{n % 97}.Class{n % 700}.method{n}" for n in range(_FUNCTIONS)]
    ways = [random.sample(names, _COMMON) for _ in range(count // 40 + 1)]
    common = random.sample(names, _COMMON)
    return [[*common, *ways[n // 40], *random.choices(names, k=_DEPTH - 2 * _COMMON)] for n in range(count)]


def _bodies(stacks: _Stacks) -> Mapping[str, bytes]:
    texts = sorted(";".join(stack) for stack in stacks)
    return {
        "groups": "".join(f"{text} 7\n" for text in texts).encode(),
        "lines": "".join(f"{text}\n" for text in texts).encode(),
        "trie": _trie([text.encode() for text in texts]),
        "tree": _tree("", sorted(stacks)),
        "speedscope": _speedscope(stacks),
    }


def _trie(texts: Sequence[bytes]) -> bytes:
    """Encode sorted texts as a trie; no text may be a prefix of another."""
    pairs = enumerate(zip(texts[0], texts[-1], strict=False))
    prefix = texts[0][: next((at for at, (one, other) in pairs if one != other), None)]
    if len(texts) == 1:
        return _node(prefix, 7, 0)
    rests = [text[len(prefix) :] for text in texts]
    children = [_trie([*group]) for _, group in groupby(rests, key=lambda rest: rest[:1])]
    return _node(prefix, 0, len(children)) + b"".join(children)


def _tree(name: str, stacks: _Stacks) -> bytes:
    """Encode the sorted stacks below a frame as a tree."""
    below = [stack for stack in stacks if stack]
    children = [
        _tree(first, [stack[1:] for stack in group]) for first, group in groupby(below, key=lambda s: s[0])
    ]
    return _node(name.encode(), 7 * (len(stacks) - len(below)), len(children)) + b"".join(children)


def _node(name: bytes, value: int, children: int) -> bytes:
    return _varint(len(name)) + name + _varint(value) + _varint(children)


def _varint(number: int) -> bytes:
    written = bytearray()
    while number >= 0x80:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*written, number))


def _speedscope(stacks: _Stacks) -> bytes:
    ids = {name: id_ for id_, name in enumerate({name: None for stack in stacks for name in stack})}
    profile = {
        "type": "sampled",
        "name": "",
        "unit": "bytes",
        "startValue": 0,
        "samples": [[ids[name] for name in stack] for stack in stacks],
        "weights": [7] * len(stacks),
    }
    frames = [{"name": name} for name in ids]
    return json.dumps({"$schema": _SCHEMA, "shared": {"frames": frames}, "profiles": [profile]}).encode()


def _cpu_ms(name: str, body: bytes) -> float:
    request = parse_ingest_request("name=app.bytes&from=1767780007", 0)
    before = process_time()
    FORMATS[name].parse(request, {"profile": body})
    return (process_time() - before) * 1_000
