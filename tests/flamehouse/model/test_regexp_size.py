import pytest

from flamehouse.errors import Code, RpcError
from flamehouse.model.regexp_size import check_regexp_size, regexp_size

EXPENSIVE = (
    "(x?){600}(x?){300}y",
    "((x?){30}){30}",
    "(?:(?P<name>x*){20,40}z){25}",
    "(x?){1,900}",
    "(x?){900,}",
    r"[\]}]{900}",
    r"[[:alpha:]]{900}",
    "(?i:x){900}",
    r"\x{10FFFF}{900}",
    ".{90}",
    "[^a]{90}",
    r"\pL{2}",
    r"[\pL]{2}",
    "x?" * 450,
)


@pytest.mark.parametrize("regexp", EXPENSIVE)
def test_counted_repetitions_are_expanded(regexp: str) -> None:
    assert regexp_size(regexp) >= 900


LITERAL = (
    "",
    "shop",
    "pod-1|pod-2|pod-3",
    r"\Qa{900}b",
    r"a\{900\}",
    "a{,900}",
    "a{x}",
    "[{900}]",
    "\\",
    "[",
    "{900",
)


@pytest.mark.parametrize("regexp", LITERAL)
def test_an_expression_without_repetitions_is_no_larger_than_its_text(regexp: str) -> None:
    assert regexp_size(regexp) <= len(regexp)


@pytest.mark.parametrize("regexp", ["(" * 4_096, ")" * 4_096, "[" * 4_096, "(a{1000}" * 500, r"\Q" * 2_048])
def test_any_string_has_a_size(regexp: str) -> None:
    assert regexp_size(regexp) > 0


def test_the_sizes_of_several_expressions_add_up() -> None:
    check_regexp_size(["x{500}"], 1_001)
    with pytest.raises(RpcError, match=r"have a size of 2000 .* the limit is 1001") as failure:
        check_regexp_size(["x{500}"] * 2, 1_001)
    assert failure.value.code is Code.INVALID_ARGUMENT
