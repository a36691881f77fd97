"""Converts JSON flame graphs, as exported by Pyroscope and returned by /pyroscope/render, back into call trees."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from adhoc.files.call_tree import CallTree
from adhoc.files.profile_file import ProfileFile
from flamehouse.errors import RpcError, invalid_argument
from flamehouse.model.call_tree import ROOT
from flamehouse.render.flamebearer import Shown
from flamehouse.settings import Settings
from flamehouse.units import MAX_INT64
from ingest.request.json_fields import parse_json

_BAR_FIELDS: Final = 4
_MAX_TEXT_CHARS: Final = 1_024


class _Bar(NamedTuple):
    """The position of a frame from the graph's left edge, and its node in the call tree."""

    start: int
    end: int
    node: int


def read_flamebearer(data: bytes, name: str, settings: Settings) -> ProfileFile:
    """Read a file with one sample type. Raises RpcError(INVALID_ARGUMENT) unless it is a flame graph of one side."""
    profile = _object(parse_json(data), "the file")
    metadata = _object(profile.get("metadata"), "metadata")
    if metadata.get("format") != "single":
        raise _malformed("metadata.format is not 'single'")
    flamebearer = _object(profile.get("flamebearer"), "flamebearer")
    names = _texts(flamebearer.get("names"))
    levels = [_level(level, len(names)) for level in _list(flamebearer.get("levels"), "levels")]
    if len(levels) > settings.max_stack_depth + 1:
        raise _malformed(f"a stack has more than {settings.max_stack_depth} frames")

    def fill(tree: CallTree, _type: int, side: int) -> None:
        _add_levels(tree, levels, names, side)

    return ProfileFile(types=(_shown(metadata, name),), fill=fill)


def _add_levels(tree: CallTree, levels: Sequence[Sequence[int]], names: Sequence[str], side: int) -> None:
    """Add a node for each bar as a child of the bar above it. The first level is the root."""
    above: list[_Bar] = []
    for depth, level in enumerate(levels):
        bars: list[_Bar] = []
        end = parent = 0
        for at in range(0, len(level), _BAR_FIELDS):
            offset, total, self_, name = level[at : at + _BAR_FIELDS]
            start, end = end + offset, end + offset + total
            if not depth:
                bars.append(_Bar(start, end, ROOT))
                continue
            while parent < len(above) and above[parent].end <= start:
                parent += 1
            if parent == len(above) or not above[parent].start <= start <= end <= above[parent].end:
                if total:
                    raise _malformed(f"a frame on level {depth} has no parent frame")
                continue
            node = tree.child(above[parent].node, names[name])
            tree.add(node, self_, side)
            bars.append(_Bar(start, end, node))
        above = bars


def _level(value: object, names: int) -> Sequence[int]:
    """Return a level's bars: non-negative 64-bit integers, with valid indexes of names."""
    level = _list(value, "a level")
    numbers = [each for each in level if type(each) is int and 0 <= each <= MAX_INT64]
    if len(numbers) != len(level) or len(level) % _BAR_FIELDS:
        raise _malformed("a level is not a list of four non-negative integers per frame")
    if any(index >= names for index in numbers[3::_BAR_FIELDS]):
        raise _malformed("a frame's name is an invalid index into names")
    if any(
        self_ > total for total, self_ in zip(numbers[1::_BAR_FIELDS], numbers[2::_BAR_FIELDS], strict=True)
    ):
        raise _malformed("a frame's self value is greater than its total")
    return numbers


def _shown(metadata: dict[str, object], name: str) -> Shown:
    rate = metadata.get("sampleRate")
    return Shown(
        name=_text(metadata, "name") or name,
        units=_text(metadata, "units"),
        sample_rate=rate if type(rate) is int and 0 < rate <= MAX_INT64 else 100,
        spy_name=_text(metadata, "spyName"),
    )


def _object(value: object, what: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise _malformed(f"{what} is not an object")
    return value


def _list(value: object, what: str) -> list[object]:
    if not isinstance(value, list):
        raise _malformed(f"{what} is not a list")
    return value


def _texts(value: object) -> list[str]:
    texts = _list(value, "names")
    if not all(isinstance(text, str) for text in texts):
        raise _malformed("a name is not a string")
    return [_whole(str(text)) for text in texts]


def _text(metadata: dict[str, object], field: str) -> str:
    value = metadata.get(field, "")
    return _whole(value[:_MAX_TEXT_CHARS]) if isinstance(value, str) else ""


def _whole(text: str) -> str:
    """Return the text with question marks in place of lone surrogates, which JSON allows but UTF-8 does not."""
    return text if text.isascii() else text.encode(errors="replace").decode()


def _malformed(reason: str) -> RpcError:
    return invalid_argument(f"malformed flame graph: {reason}")
