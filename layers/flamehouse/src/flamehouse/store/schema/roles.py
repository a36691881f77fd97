"""The SQL that creates ClickHouse's roles and users: one role per kind of work, with only the rights that it needs."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from flamehouse.errors import OperatorError
from flamehouse.settings import Settings
from flamehouse.store.sql import SqlFile

_SQL: Final = SqlFile(__file__)
_PLAIN_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)

ROLES: Final = ("ingest", "query", "admin", "maintain", "expire", "migrate")
"""The rights of the roles, in order: add profiles; read; change a tenant's settings; make roll-ups; delete profiles
that tenants no longer retain; create and alter tables.
"""

USERS: Final[Mapping[str, tuple[str, ...]]] = {
    "ingest": ("ingest", "maintain"),
    "query": ("query",),
    "admin": ("ingest", "admin"),
    "maintain": ("maintain", "expire"),
    "migrate": ("migrate",),
}
"""The roles of each user. The catch-all function serves uploads, queries and settings, and has the user `admin`.

The settings profile of the role `query` makes its users read-only, so a user with it has no other role.
"""

QRYN_ROLES: Final = ("qryn", "collector")
"""The rights of these roles, in order: turn rows of qryn's collector into profiles; insert these rows."""

QRYN_USERS: Final[Mapping[str, tuple[str, ...]]] = {
    **USERS,
    "ingest": (*USERS["ingest"], "qryn"),
    "admin": (*USERS["admin"], "qryn"),
    "collector": ("collector",),
}
"""The roles of each user if the database has tables for qryn's collector."""

_QUERIES_PER_MINUTE: Final = 6_000
_SECONDS_PER_MINUTE: Final = 3_600
"""The quota of queries: 60 concurrent ones on average, more than the functions of most accounts run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A ClickHouse user: its key in `USERS`, its name in ClickHouse, and its password."""

    key: str
    name: str
    password: str

    def __repr__(self) -> str:
        return f"User({self.name})"


def user_name(database: str, key: str) -> str:
    """Return the name of a user in ClickHouse; it starts with the database, since several may share a service."""
    return f"{database}_{key}"


def role_name(database: str, role: str) -> str:
    """Return the name of a role; it differs from all names of users, since GRANT accepts either."""
    return f"{database}_{role}_role"


def roles_sql(settings: Settings, *, qryn_input: bool = False) -> str:
    """Return the statements that create the roles, including `QRYN_ROLES` if `qryn_input`; they may run repeatedly.

    The limits of the role `query` are those in `settings`.

    Raises: OperatorError for a database name that needs quotes.
    """
    database = _checked(settings.clickhouse_database)
    names = {role: role_name(database, role) for role in (*ROLES, *QRYN_ROLES)}
    of_qryn = f"\n\n{_SQL('qryn', database=database, **names)}" if qryn_input else ""
    roles = _SQL(
        "roles",
        database=database,
        limits=_limits(settings),
        queries=str(_QUERIES_PER_MINUTE),
        seconds=str(_SECONDS_PER_MINUTE),
        **names,
    )
    return roles + of_qryn


def grants_of(database: str, role: str) -> list[str]:
    """Return the grants of a role: the text between GRANT and TO."""
    text = roles_sql(Settings(clickhouse_database=database), qryn_input=True)
    return re.findall(rf"^GRANT (.+) TO {role_name(database, role)};$", text, re.MULTILINE)


def user_sql(settings: Settings, user: User, roles: Iterable[str]) -> str:
    """Return the statements that create a user of these roles or change its password; they contain only its hash."""
    database = _checked(settings.clickhouse_database)
    return _SQL(
        "user",
        user=user.name,
        hash=sha256(user.password.encode()).hexdigest(),
        roles=", ".join(role_name(database, role) for role in roles),
    )


def _limits(settings: Settings) -> str:
    """Return defaults and bounds: a query may only lower the values, and not to 0, which means no limit."""
    limits = {
        "max_execution_time": settings.query_timeout_s,
        "max_memory_usage": settings.query_memory_bytes,
        "max_result_bytes": settings.max_answer_bytes,
    }
    return ", ".join(
        f"{name} = {value} MIN {'0.001' if name == 'max_execution_time' else 1} MAX {value}"
        for name, value in limits.items()
        if value
    )


def _checked(database: str) -> str:
    if not _PLAIN_NAME.fullmatch(database):
        raise OperatorError(
            f"invalid CLICKHOUSE_DATABASE {database!r}: names of roles need letters, digits and underscores only"
        )
    return database
