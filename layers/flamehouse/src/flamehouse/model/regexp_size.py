"""Estimates the size of a compiled RE2 regular expression, to bound the time that matching takes.

RE2 expands counted repetitions: `(x?){600}` becomes 600 copies of `x?`. In the worst case, matching one value takes
time proportional to the value's length times this size. Syntax: github.com/google/re2/wiki/Syntax.
"""

import re
from collections.abc import Iterable
from typing import Final

from flamehouse.errors import invalid_argument

_TOKEN: Final = re.compile(
    r"""
      (?P<literal>   \\Q .*? (?: \\E | \Z ) )
    | (?P<property>  \\[pP] (?: \{ [^}]* \} | . )? )
    | (?P<negated>   \\[DWSC] | \. )
    | (?P<escape>    \\x \{ [^}]* \} | \\. )
    | (?P<set>       \[ \^? \]? (?: \[: \^? \w+ :\] | \\. | [^\]\\] )*+ \] )
    | (?P<open>      \( (?: \? P? < [^>]* > | \? [a-zA-Z-]* :? )? )
    | (?P<close>     \) )
    | (?P<counted>   \{ (?P<least> [0-9]{1,4} ) (?P<comma> , (?P<most> [0-9]{0,4} ) )? \} )
    | (?P<operator>  [*+?|] )
    | (?P<character> . )
    """,
    re.VERBOSE | re.DOTALL,
)
_PROPERTY_SIZE: Final = 500
"""A Unicode class compiles to several hundred byte ranges."""
_NEGATED_SIZE: Final = 10
"""A negated class compiles to a byte range for each length of a character in UTF-8."""
_GROUP_SIZE: Final = 2


def check_regexp_size(regexps: Iterable[str], limit: int) -> None:
    """Raises RpcError(INVALID_ARGUMENT) if the expressions together are larger than `limit`."""
    size = sum(map(regexp_size, regexps))
    if size > limit:
        raise invalid_argument(
            f"the regular expressions of the query have a size of {size} with counted repetitions expanded, "
            f"and the limit is {limit}: use smaller repetition counts or fewer expressions"
        )


def regexp_size(regexp: str) -> int:
    """Estimate the number of instructions of the compiled expression; RE2 itself rejects invalid expressions."""
    before, last = [0], [0]
    """For each open group: the size before its last element, and the size of that element, which may be repeated."""
    for token in _TOKEN.finditer(regexp):
        kind = token.lastgroup
        if kind == "open":
            before.append(_GROUP_SIZE)
            last.append(0)
        elif kind == "counted":
            last[-1] = (last[-1] + 1) * _copies(token)
        elif kind == "operator":
            last[-1] += 1
        else:
            size = _size_of_element(token)
            if kind == "close" and len(before) > 1:
                size = before.pop() + last.pop()
            before[-1] += last[-1]
            last[-1] = size
    return sum(before) + sum(last)


def _copies(token: re.Match[str]) -> int:
    return max(1, int(token["least"]), int(token["most"] or 0))


def _size_of_element(token: re.Match[str]) -> int:
    text = token.group()
    match token.lastgroup:
        case "property":
            return _PROPERTY_SIZE
        case "negated":
            return _NEGATED_SIZE
        case "literal":
            return len(text)
        case "set":
            properties = text.count(r"\p") + text.count(r"\P")
            return len(text) + _NEGATED_SIZE * text.startswith("[^") + _PROPERTY_SIZE * properties
        case _:
            return 1
