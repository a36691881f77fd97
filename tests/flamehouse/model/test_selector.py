"""Selectors as Prometheus parses them. The tables were compared with its own parser."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flamehouse.errors import Code, RpcError
from flamehouse.model.selector import (
    MAX_MATCHERS,
    MAX_REGEXP_BYTES,
    MAX_SELECTOR_BYTES,
    Matcher,
    MatchOp,
    parse_matchers,
    parse_selector,
)

type Triple = tuple[str, str, str]
"""A label name, an operator and a value."""

SELECTORS: dict[str, list[Triple]] = {
    "{}": [],
    " {\t} \n": [],
    '{a="b"}': [("a", "=", "b")],
    '{a!="b"}': [("a", "!=", "b")],
    '{a=~"b|c"}': [("a", "=~", "b|c")],
    '{a!~"b.+"}': [("a", "!~", "b.+")],
    '{a="b",}': [("a", "=", "b")],
    '{service_name="shop",}': [("service_name", "=", "shop")],
    '{ a = "b" ,\r\n\tc != "d" , } ': [("a", "=", "b"), ("c", "!=", "d")],
    '{a="b",a="c",a!="d"}': [("a", "=", "b"), ("a", "=", "c"), ("a", "!=", "d")],
    '{a=""}': [("a", "=", "")],
    '{_="x",A_9="y",by="z",bool="w"}': [
        ("_", "=", "x"),
        ("A_9", "=", "y"),
        ("by", "=", "z"),
        ("bool", "=", "w"),
    ],
    # metric names
    "process_cpu": [("__name__", "=", "process_cpu")],
    "process_cpu{}": [("__name__", "=", "process_cpu")],
    'memory {a="b"}': [("__name__", "=", "memory"), ("a", "=", "b")],
    "process_cpu:cpu:nanoseconds:cpu:nanoseconds{}": [
        ("__name__", "=", "process_cpu:cpu:nanoseconds:cpu:nanoseconds")
    ],
    ":a": [("__name__", "=", ":a")],
    "sum{}": [("__name__", "=", "sum")],
    '{"memory"}': [("__name__", "=", "memory")],
    '{"memory", a="b"}': [("__name__", "=", "memory"), ("a", "=", "b")],
    '{a="b", "memory",}': [("a", "=", "b"), ("__name__", "=", "memory")],
    'x{__name__="y"}': [("__name__", "=", "x"), ("__name__", "=", "y")],
    '{"x","y"}': [("__name__", "=", "x"), ("__name__", "=", "y")],
    # quoted names
    '{"foo.bar"="x"}': [("foo.bar", "=", "x")],
    "{'foo bar'!='x'}": [("foo bar", "!=", "x")],
    '{`é`=~"x"}': [("é", "=~", "x")],
    '{""="x"}': [("", "=", "x")],
    '{"a\\n"="b"}': [("a\n", "=", "b")],
    # quotes and escapes
    "{a='b'}": [("a", "=", "b")],
    "{a='say \"b\"'}": [("a", "=", 'say "b"')],
    '{a="it\'s"}': [("a", "=", "it's")],
    "{a='it\\'s'}": [("a", "=", "it's")],
    '{a="\\""}': [("a", "=", '"')],
    '{a="\\\\"}': [("a", "=", "\\")],
    '{a="\\a\\b\\f\\n\\r\\t\\v"}': [("a", "=", "\a\b\f\n\r\t\v")],
    '{a="\\x41\\u00e9\\U0001F600\\101\\000"}': [("a", "=", "Aé\U0001f600A\0")],
    '{a="\\xc3\\xa9\\303\\251"}': [("a", "=", "éé")],
    '{a="é\U0001f600"}': [("a", "=", "é\U0001f600")],
    '{a="x\ry"}': [("a", "=", "x\ry")],
    "{a=\"{x=~'y'},#\"}": [("a", "=", "{x=~'y'},#")],
    "{a=`\\d+\n\"'`}": [("a", "=", "\\d+\n\"'")],
    "{a=``}": [("a", "=", "")],
    # comments
    '# all\n{a="b"} # done': [("a", "=", "b")],
    '{a="b" # one\n, # two\r c="d"}': [("a", "=", "b"), ("c", "=", "d")],
}

BAD_SELECTORS: dict[str, tuple[int, str]] = {
    "": (1, "end of input"),
    " \n": (3, "end of input"),
    "{": (2, "end of input"),
    "}": (1, "'}'"),
    "{,}": (2, "','"),
    '{a="b",,}': (8, "','"),
    '{a="b" c="d"}': (8, "'c'"),
    '{a="b"': (7, "end of input"),
    '{a="b"}}': (8, "'}'"),
    '{a="b"} x': (9, "'x'"),
    '{a="b"},': (8, "','"),
    '{a="b"}[5m]': (8, "'['"),
    '{a="b"} offset 5m': (9, "'offset'"),
    '{} or {a="b"}': (4, "'or'"),
    "{}{}": (3, "'{'"),
    "{{}}": (2, "'{'"),
    "{a}": (3, "'}'"),
    "{a=}": (4, "'}'"),
    "{a=b}": (4, "'b'"),
    "{a=5}": (4, "'5'"),
    '{="b"}': (2, "'='"),
    '{a=="b"}': (4, "'='"),
    '{a= ~"b"}': (5, "'~'"),
    '{a!"b"}': (3, "'!'"),
    '{a>"b"}': (3, "'>'"),
    '{a:b="c"}': (2, "colon"),
    '{a.b="c"}': (3, "'.'"),
    '{é="c"}': (2, "'é'"),
    '{9="c"}': (2, "'9'"),
    '{\xa0a="c"}': (2, r"'\xa0'"),
    '{a="b"\0}': (7, r"'\x00'"),
    '{"a""b"}': (5, """'"b"'"""),
    'a="b"': (2, "'='"),
    '"memory"': (1, """'"memory"'"""),
    "a-b": (2, "'-'"),
    "1a": (1, "'1'"),
    '{a="b"#}': (9, "end of input"),
    '{a="b}': (4, "unterminated"),
    "{a='b}": (4, "unterminated"),
    "{a=`b}": (4, "unterminated"),
    '{a="b\n"}': (4, "unterminated"),
    '{a="b\\\n"}': (4, "unterminated"),
    '{a="\\"}': (4, "unterminated"),
    '{a="\\q"}': (4, "escape"),
    '{a="\\\'"}': (4, "escape"),
    "{a='\\\"'}": (4, "escape"),
    '{a="\\x4"}': (4, "escape"),
    '{a="\\X41"}': (4, "escape"),
    '{a="\\u12"}': (4, "escape"),
    '{a="\\u{41}"}': (4, "escape"),
    '{a="\\U0001F60"}': (4, "escape"),
    '{a="\\0"}': (4, "escape"),
    '{a="\\18"}': (4, "escape"),
    '{a="\\400"}': (4, "escape"),
    '{a="\\é"}': (4, "escape"),
    '{a="\\ud83d\\ude00"}': (4, "Unicode"),
    '{a="\\U00110000"}': (4, "Unicode"),
    '{a="\\UFFFFFFFF"}': (4, "Unicode"),
    # Prometheus accepts these, but no label value can be invalid UTF-8
    '{a="\\xff"}': (4, "Unicode"),
    '{a="\\303"}': (4, "Unicode"),
    '{"\\xed\\xa0\\x80"="b"}': (2, "Unicode"),
}


def triples(matchers: tuple[Matcher, ...]) -> list[Triple]:
    return [(matcher.name, matcher.op.value, matcher.value) for matcher in matchers]


@pytest.mark.parametrize(("text", "matchers"), SELECTORS.items())
def test_a_selector_is_read_as_prometheus_reads_it(text: str, matchers: list[Triple]) -> None:
    assert triples(parse_selector(text)) == matchers


@pytest.mark.parametrize(
    ("text", "position", "problem"), [(text, *bad) for text, bad in BAD_SELECTORS.items()]
)
def test_an_invalid_selector_is_an_error_with_its_position(text: str, position: int, problem: str) -> None:
    with pytest.raises(RpcError) as failure:
        parse_selector(text)
    assert failure.value.code is Code.INVALID_ARGUMENT
    assert failure.value.message.startswith(f"invalid label selector at position {position}: ")
    assert problem in failure.value.message


def test_several_selectors_must_all_match() -> None:
    assert triples(parse_matchers(['{a="b"}', "{}", 'm{c!="d"}'])) == [
        ("a", "=", "b"),
        ("__name__", "=", "m"),
        ("c", "!=", "d"),
    ]
    assert parse_matchers([]) == ()


TOO_MUCH = {
    "a long selector": ['{a="' + "x" * MAX_SELECTOR_BYTES + '"}'],
    "a selector that is too long only in UTF-8": ['{a="' + "é" * (MAX_SELECTOR_BYTES // 2) + '"}'],
    "selectors that are too long together": ['{a="' + "x" * (MAX_SELECTOR_BYTES // 2) + '"}'] * 2,
    "very many empty selectors": ["{}"] * MAX_SELECTOR_BYTES,
    "many matchers": ["{" + 'a="",' * (MAX_MATCHERS + 1) + "}"],
    "a long regular expression": ['{a=~"' + "x" * (MAX_REGEXP_BYTES + 1) + '"}'],
    "a regular expression that is large once expanded": ['{a=~"(x?){1000}(x?){1000}(x?){1000}(x?){1000}"}'],
    "regular expressions that are too large together": ['{a=~"(x?){600}(x?){300}y",b!~"(x?){600}(x?){300}y"}']
    * 4,
    "very many braces": ["{" * MAX_SELECTOR_BYTES],
    "very many quotes": ['{"' + "\\" * (MAX_SELECTOR_BYTES - 2)],
    "a lone surrogate": ['{a="\ud83d"}'],
}


@pytest.mark.parametrize("texts", TOO_MUCH.values(), ids=TOO_MUCH)
def test_a_string_that_is_too_long_or_not_utf8_is_an_error(texts: list[str]) -> None:
    with pytest.raises(RpcError) as failure:
        parse_matchers(texts)
    assert failure.value.code is Code.INVALID_ARGUMENT
    assert len(failure.value.message) < 200


def test_the_longest_regular_expressions_are_read() -> None:
    pods = "|".join(f"checkout-7d9f8b6c5-{number:05}" for number in range(160))
    assert len(parse_matchers([f'{{a=~"{pods}"}}', f'{{b!~"{pods}"}}', f'{{c=~"{pods}"}}'])) == 3


def test_the_longest_selector_is_read() -> None:
    value = "\\" * (MAX_SELECTOR_BYTES - len("{a=``}"))
    assert triples(parse_selector(f"{{a=`{value}`}}")) == [("a", "=", value)]


TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]) | st.sampled_from("\"'`\\\n\0{},=~#"))
MATCHERS = st.builds(Matcher, name=TEXT, op=st.sampled_from(MatchOp), value=TEXT)
QUOTES = st.sampled_from("\"'")


def quoted(text: str, quote: str) -> str:
    """Draws the text as a string literal, each character escaped in one of the possible ways."""
    escapes = (
        lambda char: char if char not in f"\\\n{quote}" else f"\\U{ord(char):08x}",
        lambda char: "".join(f"\\x{byte:02X}" for byte in char.encode()),
        lambda char: "".join(f"\\{byte:03o}" for byte in char.encode()),
        lambda char: f"\\{char}" if char in f"\\{quote}" else f"\\U{ord(char):08X}",
    )
    return quote + "".join(escapes[i % len(escapes)](char) for i, char in enumerate(text)) + quote


@given(st.lists(MATCHERS, max_size=5), QUOTES, st.sampled_from(["", " ", "\n\t", " # x\n"]))
def test_printed_matchers_are_read_back(matchers: list[Matcher], quote: str, blank: str) -> None:
    printed = [
        blank.join((quoted(matcher.name, quote), matcher.op.value, quoted(matcher.value, quote), ""))
        for matcher in matchers
    ]
    assert parse_selector("{" + blank + ",".join(printed) + "}") == tuple(matchers)


PIECES = st.sampled_from(
    ["{", "}", ",", "=", "=~", "!=", "!~", "a", "m:x", '"b"', "'", '"', "`", "\\", "\\x", "#", " "]
)


@given(st.text() | st.lists(PIECES).map("".join))
def test_any_string_is_a_selector_or_an_invalid_argument(text: str) -> None:
    try:
        parse_selector(text)
    except RpcError as error:
        assert error.code is Code.INVALID_ARGUMENT  # noqa: PT017  # most texts are no selectors
