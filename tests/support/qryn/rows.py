"""Rows of `profiles_input`, made from pprof messages as qryn's writers make them (reference section 2)."""

import gzip
from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import blake2b
from typing import Any, Final

from flamehouse.pb.profile_pb2 import Profile

type InputRow = list[Any]

_M: Final = 0x9DDFEA08EB382D69
_MASK: Final = (1 << 64) - 1
_TYPES: Final = {
    "cpu": "process_cpu",
    "wall": "wall",
    "mutex": "mutex",
    "contentions": "mutex",
    "goroutine": "goroutines",
    "block": "block",
    **dict.fromkeys(("objects", "space", "alloc", "inuse"), "memory"),
}


def input_row(
    pprof: Profile,
    service: str,
    tags: Sequence[tuple[str, str]] = (),
    *,
    zipped: bool = False,
    with_tree: bool = True,
    **changed: Any,
) -> InputRow:
    """Returns the row of a pprof, at its own time; `zipped` as the collector stores uploads by Push."""
    texts = pprof.string_table
    types = [(texts[each.type], texts[each.unit]) for each in pprof.sample_type]
    names = [f"{type_}:{unit}" for type_, unit in types]
    payload = pprof.SerializeToString()
    row = {
        "timestamp_ns": pprof.time_nanos,
        "type": _TYPES.get(texts[pprof.period_type.type], ""),
        "service_name": service,
        "sample_types_units": types,
        "period_type": texts[pprof.period_type.type],
        "period_unit": texts[pprof.period_type.unit],
        "tags": [*tags],
        "duration_ns": pprof.duration_nanos,
        "payload_type": "0",
        "payload": gzip.compress(payload, mtime=0) if zipped else payload,
        "values_agg": [
            (name, sum(sample.value[index] for sample in pprof.sample), len(pprof.sample))
            for index, name in enumerate(names)
        ],
        "tree": [],
        "functions": [],
    }
    if with_tree:
        row["tree"], row["functions"] = tree_of(pprof, names)
    assert changed.keys() <= row.keys()
    return [*(row | changed).values()]


def tree_of(pprof: Profile, names: Sequence[str]) -> tuple[list[Any], list[Any]]:
    """Returns the tree and the functions of a pprof, with only the innermost function of each location."""
    texts = pprof.string_table
    by_id = {function.id: texts[function.name] for function in pprof.function}
    frames = {
        location.id: by_id[location.line[0].function_id] if location.line else "n/a"
        for location in pprof.location
    }
    nodes: dict[int, tuple[int, int, list[list[int]]]] = {}
    for sample in pprof.sample:
        parent = 0
        for depth, location_id in enumerate(reversed(sample.location_id), 1):
            function = function_id(frames[location_id])
            id_ = node_id(parent, function, depth)
            values = nodes.setdefault(id_, (parent, function, [[0, 0] for _ in names]))[2]
            for value, added in zip(values, sample.value, strict=True):
                value[1] += added
                value[0] += added if depth == len(sample.location_id) else 0
            parent = id_
    tree = [
        (parent, function, id_, [(name, *value) for name, value in zip(names, values, strict=True)])
        for id_, (parent, function, values) in sorted(nodes.items(), reverse=True)
    ]
    functions = sorted({(function_id(name), name) for name in frames.values()}, reverse=True)
    return tree, functions


@cache
def function_id(name: str) -> int:
    """Returns the id of a function: qryn's own hash for functions of the vectors. Readers never compute ids."""
    return _VECTORS.get(name) or int.from_bytes(blake2b(name.encode(), digest_size=8).digest())


def node_id(parent: int, function: int, depth: int) -> int:
    """Returns CityHash64 1.0.2 of the parent's and the function's 16 bytes, below nine bits of depth."""
    data = parent.to_bytes(8, "little") + function.to_bytes(8, "little")
    high = (function + 16) & _MASK
    turned = (high >> 16 | high << 48) & _MASK
    hashed = _hash128(int.from_bytes(data[:8], "little"), turned) ^ function
    return hashed >> 9 | min(depth, 511) << 55


def _hash128(low: int, high: int) -> int:
    first = (low ^ high) * _M & _MASK
    second = (high ^ first ^ first >> 47) * _M & _MASK
    return (second ^ second >> 47) * _M & _MASK


_VECTORS: Final[Mapping[str, int]] = {
    "main.main": 10137857196465961011,
    "main.work": 1739234417848899697,
    "main.inlined": 5538642802241248862,
    "n/a": 18099728323705712181,
}
