"""Reads trees in pre-order: each node has a name, a value and the number of its children, which follow.

The formats `trie` and `tree` have this encoding. Numbers are varints, as in protobuf and Go's encoding/binary.
"""

from typing import Final

from flamehouse.errors import RpcError, invalid_argument
from flamehouse.units import MAX_UINT64
from ingest.request.budget import Budget

_MAX_NAME_BYTES: Final = 65_535
_MAX_PATH_BYTES: Final = 1 << 26
"""The limit for the paths of all nodes with a value together: each path contains the names of all ancestors."""
_MIN_NODE_BYTES: Final = 3
_MAX_NUMBER_BITS: Final = 70


def sum_by_path(data: bytes, separator: bytes) -> dict[bytes, int]:
    """Returns the values of all nodes by path: the names from the root on, joined by `separator`.

    Nodes are read to the end of the data, which may have several roots. Raises RpcError(INVALID_ARGUMENT) for
    truncated nodes, names above 65,535 bytes, numbers above 64 bits, and paths above 64 MiB in all.
    """
    sums: dict[bytes, int] = {}
    path: list[bytes] = []
    children_left: list[int] = []
    position = path_bytes = 0
    budget = Budget(_MAX_PATH_BYTES, "bytes in the paths of its nodes")
    while position < len(data) or children_left:
        name, value, children, position = _read_node(data, position)
        path.append(name)
        path_bytes += len(name) + 1
        if value:
            budget.take(path_bytes)
            key = separator.join(path)
            sums[key] = sums.get(key, 0) + value
        children_left.append(children)
        while children_left and not children_left[-1]:
            children_left.pop()
            path_bytes -= len(path.pop()) + 1
            if children_left:
                children_left[-1] -= 1
    return sums


def _read_node(data: bytes, position: int) -> tuple[bytes, int, int, int]:
    """Returns the node's name, value, number of children and end position."""
    try:
        size, start = _read_varint(data, position)
        if size > _MAX_NAME_BYTES:
            raise invalid_argument(f"a name of {size} bytes exceeds the maximum of {_MAX_NAME_BYTES}")
        end = start + size
        value, position = _read_varint(data, end)
        children, position = _read_varint(data, position)
    except IndexError as error:
        raise _cut_short() from error
    if children * _MIN_NODE_BYTES > len(data) - position:
        raise _cut_short()
    return data[start:end], value, children, position


def _read_varint(data: bytes, position: int) -> tuple[int, int]:
    """Returns the number at a position and its end position. Raises IndexError if the data is truncated."""
    number = data[position]
    position += 1
    if number < 0x80:
        return number, position
    number &= 0x7F
    for shift in range(7, _MAX_NUMBER_BITS, 7):
        byte = data[position]
        position += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            if number > MAX_UINT64:
                break
            return number, position
    raise invalid_argument("a number exceeds 64 bits")


def _cut_short() -> RpcError:
    return invalid_argument("the data ends within the last node")
