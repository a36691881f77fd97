"""The credentials document: JSON with the hash of each token and what the token allows.

It is stored as a secret in AWS Secrets Manager, or as a file of the local server. `flamehouse credentials` edits it.
"""

import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Self

from flamehouse.identity.grant import Grant
from flamehouse.identity.principal import ANY_TENANT, Scope
from flamehouse.identity.tenant import is_tenant
from flamehouse.identity.token import digest, token_id

_ID: Final = re.compile(r"[0-9a-f]{10}")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_UNKNOWN: Final = bytes(32)
"""The hash to compare with if the id is unknown, so that unknown ids take as long as known ones."""
_FIELDS: Final = {"id", "sha256", "tenants", "scopes", "created", "expires", "note"}


class DocumentError(Exception):
    """The text is not a credentials document. The message says where and why, and quotes no hash."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """One credential; `expires` is None if it never expires."""

    id: str
    sha256: bytes = field(repr=False)
    tenants: frozenset[str]
    scopes: frozenset[Scope]
    created: datetime
    expires: datetime | None = None
    note: str = ""

    def grant(self) -> Grant:
        """Return what the credential allows."""
        return Grant(tenants=self.tenants, scopes=self.scopes, credential_id=self.id)

    def is_valid(self, now: datetime) -> bool:
        """Return whether the credential is accepted at that time."""
        return self.expires is None or now < self.expires


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialDocument:
    """All credentials, by id."""

    credentials: Mapping[str, Credential]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a document.

        Raises:
            DocumentError: if any part of it is invalid.
        """
        try:
            content = json.loads(text)
        except (ValueError, RecursionError):
            raise DocumentError("the credentials are not JSON") from None
        if not isinstance(content, dict) or not isinstance(entries := content.get("credentials"), list):
            raise DocumentError('the credentials are not a JSON object with a list "credentials"')
        credentials: dict[str, Credential] = {}
        for number, entry in enumerate(entries, start=1):
            try:
                credential = _credential(entry)
            except (ValueError, TypeError, KeyError) as error:
                raise DocumentError(f"credential {number} is invalid: {_reason(error)}") from None
            if credential.id in credentials:
                raise DocumentError(f"credential {number} is invalid: its id {credential.id} is used twice")
            credentials[credential.id] = credential
        return cls(credentials=credentials)

    def text(self) -> str:
        """Return the document as JSON; the inverse of `parse`."""
        entries = [_entry(credential) for credential in self.credentials.values()]
        return json.dumps({"credentials": entries}, indent=2, ensure_ascii=False) + "\n"

    def grant_of(self, token: str, now: datetime) -> Grant | None:
        """Return what the token allows, or None if it is unknown, wrong or expired.

        Takes the same time in every case.
        """
        credential = self.credentials.get(token_id(token))
        expected = credential.sha256 if credential else _UNKNOWN
        if not hmac.compare_digest(digest(token), expected) or credential is None:
            return None
        return credential.grant() if credential.is_valid(now) else None


def _credential(entry: Any) -> Credential:  # noqa: ANN401  # whatever JSON holds
    """Read an entry. Raises ValueError, TypeError or KeyError if it is invalid."""
    if not isinstance(entry, dict):
        raise TypeError("expected an object")
    if unknown := sorted(entry.keys() - _FIELDS):
        raise ValueError(f"unknown field {unknown[0]!r}")
    tenants, scopes = frozenset(_texts(entry, "tenants")), _texts(entry, "scopes")
    if tenants != {ANY_TENANT} and not all(is_tenant(name) and name != ANY_TENANT for name in tenants):
        raise ValueError('"tenants" must be names of letters, digits and !-_.*\'(), or "*" alone')
    if invalid := sorted(set(scopes) - set(Scope)):
        raise ValueError(f"unknown scope {invalid[0]!r}: use {', '.join(Scope)}")
    return Credential(
        id=_matching(entry, "id", _ID),
        sha256=bytes.fromhex(_matching(entry, "sha256", _SHA256)),
        tenants=tenants,
        scopes=frozenset(map(Scope, scopes)),
        created=_time(entry, "created"),
        expires=None if entry.get("expires") is None else _time(entry, "expires"),
        note=_text(entry.get("note", "")),
    )


def _entry(credential: Credential) -> dict[str, Any]:
    return {
        "id": credential.id,
        "sha256": credential.sha256.hex(),
        "tenants": sorted(credential.tenants),
        "scopes": [scope.value for scope in Scope if scope in credential.scopes],
        "created": credential.created.isoformat(),
        "expires": credential.expires.isoformat() if credential.expires else None,
        "note": credential.note,
    }


def _texts(entry: Mapping[str, Any], name: str) -> list[str]:
    value = entry[name]
    if not isinstance(value, list) or not value or not all(isinstance(each, str) for each in value):
        raise ValueError(f'"{name}" must be a list of one or more strings')
    return value


def _matching(entry: Mapping[str, Any], name: str, pattern: re.Pattern[str]) -> str:
    value = entry[name]
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise ValueError(f'"{name}" must match {pattern.pattern}')
    return value


def _time(entry: Mapping[str, Any], name: str) -> datetime:
    try:
        moment = datetime.fromisoformat(entry[name])
    except (ValueError, TypeError):
        raise ValueError(f'"{name}" must be a time such as 2026-11-29T10:00:00+00:00') from None
    return moment.replace(tzinfo=moment.tzinfo or UTC)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError('"note" must be a string')
    return value


def _reason(error: Exception) -> str:
    return f'"{error.args[0]}" is missing' if isinstance(error, KeyError) else str(error)
