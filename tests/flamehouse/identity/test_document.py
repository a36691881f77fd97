"""The credentials document: its format, and the rights of its tokens."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from flamehouse.identity.document import Credential, CredentialDocument, DocumentError
from flamehouse.identity.grant import Grant
from flamehouse.identity.principal import Scope
from flamehouse.identity.token import NewToken, digest, new_token, token_id

NOW = datetime(2026, 11, 29, 10, tzinfo=UTC)
# Fixed, since they are part of test names.
TOKEN = NewToken(id="0123456789", text=f"fh_0123456789_{'a' * 43}")
UNKNOWN = f"fh_9876543210_{'a' * 43}"
CREDENTIAL = Credential(
    id=TOKEN.id,
    sha256=digest(TOKEN.text),
    tenants=frozenset({"shop", "team-b"}),
    scopes=frozenset({Scope.INGEST, Scope.QUERY}),
    created=NOW,
    expires=NOW + timedelta(days=1),
    note="of Zoë",
)
DOCUMENT = CredentialDocument(credentials={TOKEN.id: CREDENTIAL})


def entry(**changes: Any) -> dict[str, Any]:
    """Returns a document of one entry with these fields changed; fields set to None are absent."""
    whole: dict[str, Any] = json.loads(DOCUMENT.text())["credentials"][0]
    return {name: value for name, value in {**whole, **changes}.items() if value is not None}


def test_a_document_survives_a_round_trip() -> None:
    assert CredentialDocument.parse(DOCUMENT.text()) == DOCUMENT


def test_no_text_of_a_document_shows_a_token_or_its_hash() -> None:
    assert TOKEN.text not in DOCUMENT.text()
    assert repr(digest(TOKEN.text)) not in repr(DOCUMENT)
    assert TOKEN.text not in repr(TOKEN)


@pytest.mark.parametrize(
    ("token", "after", "allowed"),
    [
        (TOKEN.text, timedelta(), True),
        (TOKEN.text, timedelta(days=1, seconds=-1), True),
        (TOKEN.text, timedelta(days=1), False),
        (TOKEN.text[:-1] + "b", timedelta(), False),
        (TOKEN.text + "A", timedelta(), False),
        (TOKEN.text + "\n", timedelta(), False),
        (UNKNOWN, timedelta(), False),
        ("", timedelta(), False),
        ("\udcff", timedelta(), False),
        (TOKEN.id, timedelta(), False),
    ],
)
def test_a_token_is_accepted_only_complete_and_until_it_expires(
    token: str, after: timedelta, allowed: bool
) -> None:
    grant = Grant(tenants=CREDENTIAL.tenants, scopes=CREDENTIAL.scopes, credential_id=TOKEN.id)
    assert DOCUMENT.grant_of(token, NOW + after) == (grant if allowed else None)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "not a JSON object"),
        ("{}", "not a JSON object"),
        ('{"credentials": {}}', "not a JSON object"),
        ('{"credentials": [7]}', "credential 1 is invalid: expected an object"),
    ],
)
def test_a_malformed_document_is_an_error(text: str, reason: str) -> None:
    with pytest.raises(DocumentError, match=reason):
        CredentialDocument.parse(text)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"id": None}, '"id" is missing'),
        ({"id": "x"}, '"id" must match'),
        ({"sha256": "ab"}, '"sha256" must match'),
        ({"sha256": TOKEN.text}, '"sha256" must match'),
        ({"tenants": []}, '"tenants" must be a list'),
        ({"tenants": "shop"}, '"tenants" must be a list'),
        ({"tenants": ["a b"]}, '"tenants" must be names'),
        ({"tenants": ["*", "shop"]}, '"tenants" must be names'),
        ({"tenants": ["a|b"]}, '"tenants" must be names'),
        ({"scopes": ["write"]}, "unknown scope 'write'"),
        ({"scopes": []}, '"scopes" must be a list'),
        ({"created": "today"}, '"created" must be a time'),
        ({"expires": 7}, '"expires" must be a time'),
        ({"note": 7}, '"note" must be a string'),
        ({"expire": "2026-11-30"}, "unknown field 'expire'"),
    ],
)
def test_an_invalid_field_is_named_without_a_hash(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(DocumentError, match="credential 1 is invalid") as raised:
        CredentialDocument.parse(json.dumps({"credentials": [entry(**changes)]}))
    assert reason in str(raised.value)
    assert digest(TOKEN.text).hex() not in str(raised.value)
    assert TOKEN.text not in str(raised.value)


def test_a_repeated_id_is_an_error() -> None:
    with pytest.raises(DocumentError, match="used twice"):
        CredentialDocument.parse(json.dumps({"credentials": [entry(), entry()]}))


def test_new_tokens_are_random_and_contain_their_id() -> None:
    tokens = [new_token() for _ in range(100)]
    assert len({token.text for token in tokens}) == len({token.id for token in tokens}) == 100
    assert [token_id(token.text) for token in tokens] == [token.id for token in tokens]
