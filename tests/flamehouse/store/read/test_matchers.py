"""The series that a selector selects in a real ClickHouse."""

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flamehouse.errors import Code, RpcError
from flamehouse.model.selector import Matcher, MatchOp, parse_selector
from flamehouse.store.connection.client import ClickHouse
from flamehouse.store.connection.errors import as_rpc_errors
from flamehouse.store.read.matchers import Condition, series_condition

CPU = "process_cpu:cpu:nanoseconds:cpu:nanoseconds"
HEAP = "memory:inuse_space:bytes:space:bytes"
HOSTILE = "' OR 1=1 -- \\ \" ` \n\t\r\0 {m0_value:String} %(x)s %s $1 ; /* é\U0001f600 \\'"

SERIES: dict[str, dict[str, str]] = {
    "cpu of shop": {"__profile_type__": CPU, "__name__": "process_cpu", "service_name": "shop", "pod": "a"},
    "cpu of shop in b": {
        "__profile_type__": CPU,
        "__name__": "process_cpu",
        "service_name": "shop",
        "pod": "b",
    },
    "heap of shop": {"__profile_type__": HEAP, "__name__": "memory", "service_name": "shop", "k8s.ns": "x y"},
    "heap of cart": {"__profile_type__": HEAP, "__name__": "memory", "service_name": "cart", "pod": "a\nb"},
    "odd": {"service_name": "it's", "pod": "café", "": "no name", HOSTILE: HOSTILE},
}
ALL = set(SERIES)
CPUS = {"cpu of shop", "cpu of shop in b"}
HEAPS = {"heap of shop", "heap of cart"}

type Pick = Callable[[Sequence[Matcher]], set[str]]


TENANT = "matching"
INSERT = """
INSERT INTO series (tenant, profile_type, service, fingerprint, labels)
SELECT {tenant:String}, {profile_type:String}, {service:String}, {fingerprint:UInt64},
    mapFromArrays({names:Array(String)}, {values:Array(String)})
"""


def _select(what: str, condition: Condition, where: str = "") -> str:
    split = condition.split
    return f"SELECT {what} FROM series {split.join} WHERE {where} {condition.sql} {split.settings}"  # noqa: S608


@pytest.fixture(scope="module")
def pick(clickhouse: ClickHouse) -> Pick:
    for fingerprint, labels in enumerate(SERIES.values()):
        parameters = {
            "tenant": TENANT,
            "profile_type": labels.get("__profile_type__", ""),
            "service": labels["service_name"],
            "fingerprint": fingerprint,
            "names": list(labels),
            "values": list(labels.values()),
        }
        clickhouse.command(INSERT, parameters)
    names = list(SERIES)

    def picked(matchers: Sequence[Matcher]) -> set[str]:
        condition = series_condition(matchers)
        sql = _select("fingerprint", condition, "tenant = {tenant:String} AND")
        with as_rpc_errors():
            rows = clickhouse.rows(sql, {"tenant": TENANT, **condition.parameters})
        return {names[fingerprint] for (fingerprint,) in rows}

    return picked


PICKED: dict[str, set[str]] = {
    "{}": ALL,
    '{service_name="shop"}': CPUS | {"heap of shop"},
    '{service_name!="shop"}': {"heap of cart", "odd"},
    '{service_name=~"shop|cart"}': CPUS | HEAPS,
    '{service_name!~"sh.*"}': {"heap of cart", "odd"},
    '{service_name="it\'s"}': {"odd"},
    '{service_name=""}': set(),
    f'{{__profile_type__="{CPU}"}}': CPUS,
    f'{{__profile_type__!="{CPU}"}}': HEAPS | {"odd"},
    '{__profile_type__=~"memory:.+"}': HEAPS,
    '{__profile_type__=""}': {"odd"},
    "memory": HEAPS,
    'process_cpu{pod="b"}': {"cpu of shop in b"},
    'memory{__name__="process_cpu"}': set(),
    '{__name__=~"memory|process_cpu",service_name="shop"}': CPUS | {"heap of shop"},
    # a missing label is empty
    '{pod=""}': {"heap of shop"},
    '{pod!=""}': ALL - {"heap of shop"},
    '{pod!="a"}': ALL - {"cpu of shop"},
    '{pod=~""}': {"heap of shop"},
    '{pod!~""}': ALL - {"heap of shop"},
    '{pod=~".*"}': ALL,
    '{pod!~".*"}': set(),
    '{pod=~".+"}': ALL - {"heap of shop"},
    '{pod=~"a|"}': {"cpu of shop", "heap of shop"},
    '{nowhere=""}': ALL,
    '{nowhere!~".+"}': ALL,
    '{nowhere!="x"}': ALL,
    '{nowhere="x"}': set(),
    # all matchers of a label must match
    '{pod=~"a|b",pod!="b"}': {"cpu of shop"},
    '{pod="a",pod="b"}': set(),
    # regular expressions match the whole value
    '{pod=~"a"}': {"cpu of shop"},
    '{pod=~"c?a"}': {"cpu of shop"},
    '{pod=~"a|bc"}': {"cpu of shop"},
    '{pod=~"b|a.b"}': {"cpu of shop in b", "heap of cart"},
    '{pod=~"(?-s:a.b)"}': set(),
    '{pod=~"a$"}': {"cpu of shop"},
    '{pod=~"(?m)a$\\n^b"}': {"heap of cart"},
    '{pod=~"^A$"}': set(),
    '{pod=~"(?i)A|B"}': {"cpu of shop", "cpu of shop in b"},
    '{pod=~"caf."}': {"odd"},
    '{pod=~"café?"}': {"odd"},
    '{pod=~"caféé?"}': {"odd"},
    '{pod=~"caféx*é*"}': {"odd"},
    "{pod=~`caf\\x{e9}`}": {"odd"},
    "{pod=~`\\x63af\\pL`}": {"odd"},
    "{pod=~`caf\\Qé\\E`}": {"odd"},
    "{pod=~`abd\\Q\\E*|[]a]`}": {"cpu of shop"},
    # unusual names
    '{"k8s.ns"="x y"}': {"heap of shop"},
    '{""="no name"}': {"odd"},
    '{"k8s.ns"=~`x\\sy`,service_name=~"shop"}': {"heap of shop"},
}


@pytest.mark.parametrize(("selector", "series"), PICKED.items())
def test_a_selector_selects_the_series_that_prometheus_selects(
    selector: str, series: set[str], pick: Pick
) -> None:
    assert pick(parse_selector(selector)) == series


@pytest.mark.parametrize("op", MatchOp)
def test_hostile_names_and_values_are_only_compared(op: MatchOp, pick: Pick) -> None:
    value = (
        HOSTILE
        if op in (MatchOp.EQUAL, MatchOp.NOT_EQUAL)
        else "".join(f"\\x{{{ord(c):x}}}" for c in HOSTILE)
    )
    series = {"odd"} if op in (MatchOp.EQUAL, MatchOp.REGEXP) else ALL - {"odd"}
    assert pick((Matcher(name=HOSTILE, op=op, value=value),)) == series


def test_many_matchers_become_one_condition(pick: Pick) -> None:
    matchers = parse_selector("{" + 'pod=~"a|b",' * 49 + 'nowhere="",' * 50 + 'service_name="shop"}')
    assert pick(matchers) == CPUS


BAD_REGEXPS = [
    "(",
    ")",
    "a)|(b",
    "a)(?:b",
    "[a",
    "*",
    "+a",
    "?",
    "a**",
    "a{2,1}",
    "\\",
    "\\8",
    "(a)\\1",
    "(?=a)",
    "(?!a)",
    "(?<=a)b",
    "(?<!a)b",
    "(?>a)",
    "(?z)a",
    "a\\Z",
    "[a-\\d]",
    "[[:letters:]]",
    "\\p{Klingon}",
    "x{1001}",
    "(x{1000}){1000}",
    "((x{100}){100}){100}",
    "\\pL{1000}",
    "(" * 4_096,
]


@pytest.mark.parametrize("regexp", BAD_REGEXPS)
@pytest.mark.parametrize("op", [MatchOp.REGEXP, MatchOp.NOT_REGEXP])
@pytest.mark.parametrize("other", ["{}", '{service_name="absent"}'], ids=["rows", "no rows"])
def test_a_bad_regular_expression_fails_with_and_without_rows(
    regexp: str, op: MatchOp, other: str, pick: Pick
) -> None:
    matchers = (*parse_selector(other), Matcher(name="pod", op=op, value=regexp))
    with pytest.raises(RpcError) as failure:
        pick(matchers)
    assert failure.value.code is Code.INVALID_ARGUMENT


TEXT = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("\\'\"`{}%$\n\t\r\0"))


@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=5))
def test_any_name_and_value_arrive_unchanged(clickhouse: ClickHouse, pairs: list[tuple[str, str]]) -> None:
    matchers = [Matcher(name=name, op=MatchOp.EQUAL, value=value) for name, value in pairs]
    sent = series_condition(matchers).parameters
    sql = "SELECT " + ", ".join(f"{{{name}:String}}" for name in sent)
    assert clickhouse.rows(sql, sent) == [tuple(sent.values())]


def test_a_matcher_on_a_key_column_uses_the_primary_key(clickhouse: ClickHouse) -> None:
    condition = series_condition(parse_selector(f'{{service_name="shop",__profile_type__="{CPU}"}}'))
    sql = "EXPLAIN indexes = 1 " + _select("fingerprint", condition)
    plan = "\n".join(row for (row,) in clickhouse.rows(sql, condition.parameters))
    assert "(service in ['shop', 'shop'])" in plan
    assert f"(profile_type in ['{CPU}', '{CPU}'])" in plan


@pytest.mark.usefixtures("pick")
@pytest.mark.parametrize("op", [MatchOp.REGEXP, MatchOp.NOT_REGEXP])
def test_a_regular_expression_is_matched_after_blocks_are_split(clickhouse: ClickHouse, op: MatchOp) -> None:
    """ClickHouse checks the time limit only between blocks, and reads 8,192 rows or more into one."""
    key = Matcher(name="service_name", op=MatchOp.EQUAL, value="shop")
    condition = series_condition((key, Matcher(name="pod", op=op, value="(x?){600}(x?){300}y")))
    sql = "EXPLAIN indexes = 1, actions = 1 " + _select("fingerprint", condition)
    plan = "\n".join(row for (row,) in clickhouse.rows(sql, condition.parameters))
    after, _, before = plan.partition("ARRAY JOIN")
    assert "x?" in after
    assert "x?" not in before
    assert "(service in ['shop', 'shop'])" in before
