"""Computes the call trees that qryn stores with each profile, for many profiles at once, as RowBinary.

A function's id is ClickHouse's cityHash64 of its name; a node's id is 9 bits of depth, then 55 bits of that hash over
the ids of its parent and its function. Nodes and functions are stored in descending order of their ids. RowBinary:
clickhouse.com/docs/interfaces/formats/RowBinary
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_MULTIPLIER = np.uint64(0x9DDFEA08EB382D69)
_DEEPEST_TOLD_APART = 511


def node_ids(parents: NDArray[np.uint64], functions: NDArray[np.uint64], depth: int) -> NDArray[np.uint64]:
    """Return the ids of nodes `depth` frames from the root (1 is the root frame, whose parent is 0)."""
    hashed = _city_hash_16(parents, functions)
    return hashed >> np.uint64(9) | np.uint64(min(depth, _DEEPEST_TOLD_APART) << 55)


def _city_hash_16(low: NDArray[np.uint64], high: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return CityHash64 1.0.2 of 16 bytes, given as two little-endian integers."""
    added = high + np.uint64(16)
    rotated = added >> np.uint64(16) | added << np.uint64(48)
    return _hash_128_to_64(low, rotated) ^ high


def _hash_128_to_64(low: NDArray[np.uint64], high: NDArray[np.uint64]) -> NDArray[np.uint64]:
    first = (low ^ high) * _MULTIPLIER
    first ^= first >> np.uint64(47)
    second = (high ^ first) * _MULTIPLIER
    second ^= second >> np.uint64(47)
    return second * _MULTIPLIER


class Forest:
    """All nodes of a set of stacks; a profile's tree is a subset of them, with values.

    names         function names
    function_ids  ids of the functions
    paths         name indexes, root first, one stack per row, -1 after its last frame
    """

    def __init__(
        self, names: Sequence[str], function_ids: NDArray[np.uint64], paths: NDArray[np.int64]
    ) -> None:
        self._function_ids = function_ids
        self._encoded_functions = [
            int(id_).to_bytes(8, "little") + binary_string(name.encode())
            for name, id_ in zip(names, function_ids, strict=True)
        ]
        self._depths = (paths >= 0).sum(axis=1)
        self._build(paths)

    def __len__(self) -> int:
        return len(self.nodes)

    def _build(self, paths: NDArray[np.int64]) -> None:
        """Number the nodes level by level, then again in descending order of their ids."""
        nodes, parents, functions = (
            [np.zeros(1, np.uint64)],
            [np.zeros(1, np.uint64)],
            [np.zeros(1, np.int64)],
        )
        visited = np.full(paths.shape, -1, dtype=np.int64)
        at = np.zeros(len(paths), dtype=np.int64)
        level_ids, level_start, count = nodes[0], 0, 1
        for level in range(paths.shape[1]):
            rows = np.flatnonzero(paths[:, level] >= 0)
            edges = (at[rows] - level_start) * len(self._function_ids) + paths[rows, level]
            distinct, inverse = np.unique(edges, return_inverse=True)
            parent, function = np.divmod(distinct, len(self._function_ids))
            parents.append(level_ids[parent])
            functions.append(function)
            level_ids, level_start = node_ids(parents[-1], self._function_ids[function], level + 1), count
            nodes.append(level_ids)
            count += len(distinct)
            visited[rows, level] = at[rows] = level_start + inverse
        all_nodes = np.concatenate(nodes)[1:]
        order = np.argsort(all_nodes)[::-1]
        rank = np.empty(len(order) + 1, dtype=np.int64)
        rank[order + 1] = np.arange(len(order))
        self.nodes = all_nodes[order]
        self._parents = np.concatenate(parents)[1:][order]
        self._functions = np.concatenate(functions)[1:][order]
        self._visited = np.where(visited < 0, len(order), rank[visited])

    def encode_tree(
        self, sample_types: Sequence[str], stacks: NDArray[np.int64], values: NDArray[np.int64]
    ) -> bytes:
        """Return a profile's columns `tree` and `functions`, given its stack indexes and their rows of values."""
        visited = self._visited[stacks]
        leaves = visited[np.arange(len(stacks)), self._depths[stacks] - 1]
        present = np.flatnonzero(np.bincount(visited.ravel(), minlength=len(self) + 1)[: len(self)])
        rows = np.empty(len(present), dtype=_row_type(sample_types))
        rows["parent"] = self._parents[present]
        rows["function"] = self._function_ids[self._functions[present]]
        rows["node"] = self.nodes[present]
        rows["types"] = len(sample_types)
        for i, name in enumerate(sample_types):
            rows[f"length{i}"] = len(name)
            rows[f"name{i}"] = name.encode()
            rows[f"self{i}"] = _sums(leaves, values[:, i], len(self))[present]
            repeated = np.repeat(values[:, i], visited.shape[1])
            rows[f"total{i}"] = _sums(visited.ravel(), repeated, len(self))[present]
        return varint(len(rows)) + rows.tobytes() + self._encode_functions(present)

    def _encode_functions(self, present: NDArray[np.int64]) -> bytes:
        used = np.unique(self._functions[present])
        descending = used[np.argsort(self._function_ids[used])[::-1]]
        return varint(len(used)) + b"".join(self._encoded_functions[i] for i in descending.tolist())


def _sums(groups: NDArray[np.int64], values: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Return the sum of values per group; sums are exact up to 2**53."""
    return np.bincount(groups, weights=values, minlength=count).astype(np.int64)


def _row_type(sample_types: Sequence[str]) -> np.dtype[np.void]:
    """Return the RowBinary layout of a tree row; for given names of sample types, its size is fixed."""
    fields: list[tuple[str, str]] = [("parent", "<u8"), ("function", "<u8"), ("node", "<u8"), ("types", "u1")]
    for i, name in enumerate(sample_types):
        fields += [
            (f"length{i}", "u1"),
            (f"name{i}", f"S{len(name)}"),
            (f"self{i}", "<i8"),
            (f"total{i}", "<i8"),
        ]
    return np.dtype(fields)


def varint(number: int) -> bytes:
    """Return the number as LEB128."""
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def binary_string(text: bytes) -> bytes:
    """Return a RowBinary String."""
    return varint(len(text)) + text
