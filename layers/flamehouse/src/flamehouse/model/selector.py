"""Parses label selectors, written in the grammar of Prometheus metric selectors, into matchers.

    process_cpu{service_name="checkout", pod=~"a|b", "k8s.namespace"!='test',}

Grammar and string literals: prometheus.io/docs/prometheus/latest/querying/basics. Comments are skipped, as in
Prometheus. Every error is RpcError(INVALID_ARGUMENT). Only the size of a regular expression is checked here: RE2,
which runs it, checks its syntax.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

from flamehouse.errors import RpcError, invalid_argument
from flamehouse.model.labels import quoted
from flamehouse.model.regexp_size import check_regexp_size

MAX_SELECTOR_BYTES = 16_384
"""The maximum length of all selectors of a request together, in bytes of UTF-8."""
MAX_MATCHERS = 100
MAX_REGEXP_BYTES = 4_096
MAX_REGEXP_SIZE = 16_384
"""The maximum `regexp_size` of all regular expressions of a request together: matching one value of 2,048 bytes then
takes at most half a second.
"""

METRIC_NAME = "__name__"


class MatchOp(Enum):
    """How a label's value is compared; a regular expression must match the whole value."""

    EQUAL = "="
    NOT_EQUAL = "!="
    REGEXP = "=~"
    NOT_REGEXP = "!~"


REGEXP_OPS = frozenset({MatchOp.REGEXP, MatchOp.NOT_REGEXP})


@dataclass(frozen=True, slots=True, kw_only=True)
class Matcher:
    """A condition on one label; a label that a series lacks counts as empty."""

    name: str
    op: MatchOp
    value: str


def parse_selector(text: str) -> tuple[Matcher, ...]:
    """Read one selector; `{}` gives no matchers and selects all series. A leading name matches `__name__`."""
    return parse_matchers((text,))


def parse_matchers(texts: Iterable[str]) -> tuple[Matcher, ...]:
    """Read several selectors that must all match."""
    matchers: list[Matcher] = []
    bytes_left = MAX_SELECTOR_BYTES
    for text in texts:
        bytes_left -= _utf8_length(text)
        if bytes_left < 0:
            raise invalid_argument(f"label selectors are longer than {MAX_SELECTOR_BYTES} bytes")
        matchers += _parse(text)
    if len(matchers) > MAX_MATCHERS:
        raise invalid_argument(f"label selectors have more than {MAX_MATCHERS} matchers")
    check_regexp_size((each.value for each in matchers if each.op in REGEXP_OPS), MAX_REGEXP_SIZE)
    return tuple(matchers)


def format_selector(matchers: Iterable[Matcher]) -> str:
    """Return the selector that parses to these matchers."""
    texts = (f"{quoted(each.name)}{each.op.value}{quoted(each.value)}" for each in matchers)
    return "{" + ",".join(texts) + "}"


def _utf8_length(text: str) -> int:
    try:
        return len(text.encode())
    except UnicodeEncodeError as error:
        raise invalid_argument("label selector is not valid Unicode text") from error


_TOKEN = re.compile(
    r"""
      (?P<blank> [ \t\r\n]+ | \#[^\r\n]* )
    | (?P<name> [a-zA-Z_:][a-zA-Z0-9_:]* )
    | (?P<operator> =~ | = | !~ | != )
    | (?P<mark> [{},] )
    | (?P<quoted> "(?:[^"\\\n]|\\.)*+" | '(?:[^'\\\n]|\\.)*+' | `[^`]*+` )
    """,
    re.VERBOSE,
)
_END = "end"
_OPERATORS = {op.value: op for op in MatchOp}
_SHOWN_CHARACTERS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class _Token:
    """A piece of a selector: `kind` is its group in _TOKEN or _END, `position` counts characters from 1."""

    kind: str
    text: str
    position: int


def _parse(text: str) -> Iterator[Matcher]:
    tokens = _tokens(text)
    token = next(tokens)
    if token.kind == "name":
        yield Matcher(name=METRIC_NAME, op=MatchOp.EQUAL, value=token.text)
        token = next(tokens)
        if token.kind == _END:
            return
    if token.text != "{":
        raise _unexpected(token, '"{"')
    yield from _parse_braces(tokens)
    token = next(tokens)
    if token.kind != _END:
        raise _unexpected(token, "the end of the selector")


def _parse_braces(tokens: Iterator[_Token]) -> Iterator[Matcher]:
    """Parse the matchers after `{`, up to and including `}`."""
    token = next(tokens)
    while token.text != "}":
        name = _label_name(token)
        following = next(tokens)
        if token.kind == "quoted" and following.kind == "mark":
            yield Matcher(name=METRIC_NAME, op=MatchOp.EQUAL, value=name)
        else:
            op = _operator(following)
            yield _matcher(name, op, next(tokens))
            following = next(tokens)
        if following.text not in (",", "}"):
            raise _unexpected(following, '"," or "}"')
        token = following if following.text == "}" else next(tokens)


def _tokens(text: str) -> Iterator[_Token]:
    """Return the tokens of a selector without blanks and comments; the last has the kind _END."""
    offset = 0
    while offset < len(text):
        found = _TOKEN.match(text, offset)
        if found is None or found.lastgroup is None:
            raise _error(offset + 1, _not_a_token(text[offset]))
        if found.lastgroup != "blank":
            yield _Token(kind=found.lastgroup, text=found.group(), position=offset + 1)
        offset = found.end()
    yield _Token(kind=_END, text="", position=offset + 1)


def _label_name(token: _Token) -> str:
    if token.kind == "quoted":
        return _unquote(token)
    if token.kind != "name":
        raise _unexpected(token, 'a label name or "}"')
    if ":" in token.text:
        raise _error(token.position, f"label name {_shown(token.text)} has a colon and must be quoted")
    return token.text


def _operator(token: _Token) -> MatchOp:
    op = _OPERATORS.get(token.text)
    if op is None:
        raise _unexpected(token, "one of " + " ".join(_OPERATORS))
    return op


def _matcher(name: str, op: MatchOp, token: _Token) -> Matcher:
    if token.kind != "quoted":
        raise _unexpected(token, "a quoted value")
    value = _unquote(token)
    if op in REGEXP_OPS and len(value.encode()) > MAX_REGEXP_BYTES:
        raise _error(token.position, f"regular expression is longer than {MAX_REGEXP_BYTES} bytes")
    return Matcher(name=name, op=op, value=value)


_ESCAPE = re.compile(
    rb"""
    \\ (?: (?P<character> [abfnrtv\\'"] )
         | (?P<octal> [0-3][0-7]{2} )
         | x (?P<byte> [0-9a-fA-F]{2} )
         | u (?P<rune> [0-9a-fA-F]{4} )
         | U (?P<long_rune> [0-9a-fA-F]{8} )
         | .
       )
    """,
    re.VERBOSE | re.DOTALL,
)
_CHARACTERS = {
    b"a": b"\a",
    b"b": b"\b",
    b"f": b"\f",
    b"n": b"\n",
    b"r": b"\r",
    b"t": b"\t",
    b"v": b"\v",
    b"\\": b"\\",
    b"'": b"'",
    b'"': b'"',
}
_OTHER_QUOTE = {'"': b"'", "'": b'"'}


def _unquote(token: _Token) -> str:
    """Return the value of a Go string literal; escapes may denote bytes, but the result must be UTF-8."""
    quote, body = token.text[0], token.text[1:-1]
    if quote == "`":
        return body

    def unescape(escape: re.Match[bytes]) -> bytes:
        kind = escape.lastgroup
        if kind is None or escape[kind] == _OTHER_QUOTE[quote]:
            raise _error(token.position, f"invalid escape {_shown(escape[0].decode(errors='replace'))}")
        return _unescape(kind, escape[kind])

    try:
        return _ESCAPE.sub(unescape, body.encode()).decode()
    except (ValueError, OverflowError) as error:
        raise _error(token.position, "string is not valid Unicode text") from error


def _unescape(kind: str, text: bytes) -> bytes:
    """Return the bytes of an escape; `kind` is its group in _ESCAPE.

    Raises ValueError or OverflowError if the escape is not a rune.
    """
    if kind == "character":
        return _CHARACTERS[text]
    if kind in ("rune", "long_rune"):
        return chr(int(text, 16)).encode()
    return bytes((int(text, 8 if kind == "octal" else 16),))


def _unexpected(token: _Token, expected: str) -> RpcError:
    found = "end of input" if token.kind == _END else _shown(token.text)
    return _error(token.position, f"unexpected {found}, expected {expected}")


def _not_a_token(character: str) -> str:
    if character in "\"'`":
        return "unterminated quoted string"
    return f"unexpected character {_shown(character)}"


def _shown(text: str) -> str:
    """Return the text as error messages quote it: on one line, truncated."""
    return repr(text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "...")


def _error(position: int, problem: str) -> RpcError:
    return invalid_argument(f"invalid label selector at position {position}: {problem}")
