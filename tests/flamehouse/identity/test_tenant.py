"""The tenant that a request's headers name."""

import ast
from pathlib import Path

import pytest

from flamehouse.errors import Code, RpcError
from flamehouse.identity.tenant import is_tenant, named_tenants
from tests.support.servers.place import REPO


@pytest.mark.parametrize(
    ("sent", "tenants"),
    [
        ((), ()),
        (("",), ()),
        (("team",), ("team",)),
        (("b|a",), ("a", "b")),
        (("a|b|a",), ("a", "b")),
        (("|".join(f"t{number}" for number in range(100)),), tuple(sorted(f"t{n}" for n in range(100)))),
    ],
)
def test_one_header_names_the_tenants(sent: tuple[str, ...], tenants: tuple[str, ...]) -> None:
    assert named_tenants(sent) == tenants


@pytest.mark.parametrize(
    "sent",
    [
        ("victim", "mine"),
        ("mine", "mine"),
        ("", "mine"),
        ("a,b",),
        ("a|",),
        ("|a",),
        ("a||b",),
        ("|",),
        ("a|b c",),
        ("a| b",),
        ("a|" + "x" * 151,),
        ("|".join(f"t{number}" for number in range(101)),),
    ],
)
def test_invalid_headers_are_rejected(sent: tuple[str, ...]) -> None:
    with pytest.raises(RpcError) as raised:
        named_tenants(sent)
    assert raised.value.code is Code.INVALID_ARGUMENT


@pytest.mark.parametrize("character", sorted({chr(code) for code in range(256)} - {"|"}))
def test_a_tenant_id_may_have_the_characters_that_grafanas_databases_allow(character: str) -> None:
    allowed = character.isascii() and (character.isalnum() or character in "!-_.*'()")
    assert is_tenant(f"a{character}") == allowed


def test_the_tenant_header_is_read_only_where_the_principal_is_built() -> None:
    sources = [*(REPO / "functions").rglob("*.py"), *(REPO / "layers/flamehouse/src").rglob("*.py")]
    assert [source.name for source in sources if imports_named_tenants(source)] == ["grant.py"]


def imports_named_tenants(source: Path) -> bool:
    nodes = ast.walk(ast.parse(source.read_text()))
    return any(
        name.name == "named_tenants"
        for node in nodes
        if isinstance(node, ast.ImportFrom)
        for name in node.names
    )
