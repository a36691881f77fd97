"""Reads an HTTP request as a statement: SQL, data, parameters, settings, and the user.

A statement is the URL's `query` followed by the body. In a form, the field `query` replaces the body, and fields
`param_*` add parameters.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from io import BytesIO
from typing import Final

from python_multipart import parse_form
from python_multipart.multipart import Field, File

from tools.clickhouse_http.coding import decoded
from tools.clickhouse_http.failure import ServerError

_PARAMETER: Final = "param_"
_FORM: Final = "multipart/form-data"
_MAX_FIELD_BYTES: Final = 128 << 10
"""ClickHouse's default for http_max_field_value_size."""
_TRANSPORT: Final = frozenset(
    {
        "buffer_size",
        "client_protocol_version",
        "database",
        "default_format",
        "enable_http_compression",
        "http_headers_progress_interval_ms",
        "password",
        "query",
        "query_id",
        "quota_key",
        "role",
        "send_progress_in_http_headers",
        "user",
        "wait_end_of_query",
    }
)
"""URL parameters about the request; all others are settings of the query."""
_UNSERVED: Final = frozenset({"compress", "decompress", "session_id", "session_timeout", "session_check"})
_INSERT: Final = re.compile(
    rb"\s*(INSERT\s+INTO\s.+?)\s+FORMAT\s+(\w+)[ \t]*(?:\r?\n|;|$)", re.IGNORECASE | re.DOTALL
)
_SELECT: Final = re.compile(rb"\s*(?:SELECT|WITH)\b", re.IGNORECASE)
_FORMAT: Final = re.compile(rb"\sFORMAT\s+(\w+)\s*;?\s*$", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """An HTTP request: the parameters of its URL, its headers and its body."""

    method: str
    url: Mapping[str, str]
    headers: Message
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A statement to run. The rows of an INSERT are in `data`, and its `sql` ends before FORMAT."""

    sql: bytes
    format: str
    data: bytes | None
    parameters: Mapping[str, str]
    settings: Mapping[str, str]
    database: str
    protocol_version: int
    """The revision of the Native format that the client reads; 0 is the basic one."""
    read_only: bool

    @property
    def is_select(self) -> bool:
        return _SELECT.match(self.sql) is not None

    @property
    def changes_no_session(self) -> bool:
        """Whether it leaves the database, settings and temporary tables of its handle unchanged."""
        return self.is_select or self.data is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A user and its password."""

    user: str
    password: str


def account_of(request: Request) -> Account:
    """Return the user from Basic authorization, ClickHouse's headers or the URL; else `default` without a password."""
    headers, url = request.headers, request.url
    scheme, _, credentials = headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "basic":
        user, _, password = _base64(credentials).partition(":")
        return Account(user=user, password=password)
    return Account(
        user=headers.get("X-ClickHouse-User") or url.get("user") or "default",
        password=headers.get("X-ClickHouse-Key") or url.get("password") or "",
    )


def statement_of(request: Request) -> Statement:
    """Parse the request. Raises ServerError if it uses a feature that this server lacks."""
    url = request.url
    if refused := _UNSERVED & url.keys():
        raise ServerError(48, f"{', '.join(sorted(refused))} is not supported here", "NOT_IMPLEMENTED")
    if request.headers.get("Content-Type", "").startswith(_FORM):
        fields = _form(request)
        body = fields.pop("query", "").encode()
    else:
        fields = {}
        body = decoded(request.body, request.headers.get("Content-Encoding", ""))
    statement = b"\n".join(part for part in (url.get("query", "").encode(), body) if part)
    sql, format_, data = _split(statement, _default_format(request.headers, url))
    return Statement(
        sql=sql,
        format=format_,
        data=data,
        parameters=_parameters(url) | _parameters(fields),
        settings={name: value for name, value in url.items() if _is_setting(name)},
        database=url.get("database") or request.headers.get("X-ClickHouse-Database") or "default",
        protocol_version=int(url.get("client_protocol_version", "0")),
        read_only=request.method == "GET",
    )


def _split(statement: bytes, default_format: str) -> tuple[bytes, str, bytes | None]:
    """Return the SQL, the format of its rows, and the rows of an INSERT."""
    if insert := _INSERT.match(statement):
        return insert[1], insert[2].decode(), statement[insert.end() :]
    named = _FORMAT.search(statement)
    return statement, named[1].decode() if named else default_format, None


def _default_format(headers: Message, url: Mapping[str, str]) -> str:
    return url.get("default_format") or headers.get("X-ClickHouse-Format") or "TabSeparated"


def _is_setting(name: str) -> bool:
    return name not in _TRANSPORT and not name.startswith(_PARAMETER)


def _parameters(pairs: Mapping[str, str]) -> dict[str, str]:
    return {
        name.removeprefix(_PARAMETER): value for name, value in pairs.items() if name.startswith(_PARAMETER)
    }


def _form(request: Request) -> dict[str, str]:
    """Return the fields of a form. Raises ServerError if one exceeds the size that ClickHouse accepts."""
    fields: dict[str, str] = {}

    def add(field: Field | File) -> None:
        if isinstance(field, Field):
            fields[(field.field_name or b"").decode()] = (field.value or b"").decode()

    headers = {"Content-Type": request.headers.get("Content-Type", "").encode()}
    parse_form(headers, BytesIO(request.body), add, add)
    if any(len(text) > _MAX_FIELD_BYTES for text in fields.values()):
        raise ServerError(1000, "HTML Form Exception: Field value too long", "POCO_EXCEPTION")
    return fields


def _base64(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ServerError(516, "Invalid authentication: not Base64", "AUTHENTICATION_FAILED") from error
