"""The principal of a request, as each kind of credential resolves it."""

import pytest
from starlette.requests import HTTPConnection

from flamehouse.errors import Code, RpcError
from flamehouse.identity.authentication import Credentials
from flamehouse.identity.credentials import NoCredential, SharedCredential
from flamehouse.identity.principal import Principal, Scope

SHARED = SharedCredential(credential="horse")
SCOPES = frozenset({Scope.INGEST, Scope.QUERY, Scope.ADMIN})


def sent(**headers: str) -> HTTPConnection:
    raw = [(name.replace("_", "-").lower().encode(), value.encode()) for name, value in headers.items()]
    return HTTPConnection({"type": "http", "headers": raw})


@pytest.mark.parametrize(
    ("credentials", "request_", "principal"),
    [
        (
            NoCredential(),
            sent(),
            Principal(tenants=("anonymous",), scopes=SCOPES, credential_id="", all_tenants=True),
        ),
        (
            NoCredential(),
            sent(X_Scope_OrgID="shop", Authorization="Bearer other"),
            Principal(tenants=("shop",), scopes=SCOPES, credential_id=""),
        ),
        (
            SHARED,
            sent(X_Scope_OrgID="shop", Authorization="Bearer horse"),
            Principal(tenants=("shop",), scopes=SCOPES, credential_id="shared"),
        ),
        (
            NoCredential(),
            sent(X_Scope_OrgID="b|a|b"),
            Principal(tenants=("a", "b"), scopes=SCOPES, credential_id=""),
        ),
    ],
)
def test_a_request_has_the_tenant_it_names_and_every_scope(
    credentials: Credentials, request_: HTTPConnection, principal: Principal
) -> None:
    assert credentials.principal_of(request_) == principal


@pytest.mark.parametrize(
    ("credentials", "request_", "code"),
    [
        (SHARED, sent(X_Scope_OrgID="shop"), Code.UNAUTHENTICATED),
        (SHARED, sent(X_Scope_OrgID="a b", Authorization="Bearer other"), Code.UNAUTHENTICATED),
        (SHARED, sent(X_Scope_OrgID="a b", Authorization="Bearer horse"), Code.INVALID_ARGUMENT),
        (NoCredential(), sent(X_Scope_OrgID="a|"), Code.INVALID_ARGUMENT),
    ],
)
def test_a_wrong_credential_is_reported_before_an_invalid_tenant(
    credentials: Credentials, request_: HTTPConnection, code: Code
) -> None:
    with pytest.raises(RpcError) as raised:
        credentials.principal_of(request_)
    assert raised.value.code is code


def test_the_credential_appears_in_no_repr() -> None:
    assert "horse" not in repr(SHARED)
