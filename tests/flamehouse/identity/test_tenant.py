"""The tenant that a request's headers name."""

import pytest
from starlette.datastructures import Headers

from flamehouse.errors import Code, RpcError
from flamehouse.identity.tenant import tenant_of


def headers(*values: str) -> Headers:
    return Headers(raw=[(b"x-scope-orgid", value.encode()) for value in values])


@pytest.mark.parametrize(("sent", "tenant"), [((), "anonymous"), (("",), "anonymous"), (("team",), "team")])
def test_one_header_names_the_tenant(sent: tuple[str, ...], tenant: str) -> None:
    assert tenant_of(headers(*sent)) == tenant


@pytest.mark.parametrize("sent", [("victim", "mine"), ("mine", "mine"), ("", "mine"), ("a|b",), ("a,b",)])
def test_several_tenants_are_rejected(sent: tuple[str, ...]) -> None:
    with pytest.raises(RpcError) as raised:
        tenant_of(headers(*sent))
    assert raised.value.code is Code.INVALID_ARGUMENT
