"""A ClickHouse server over HTTP, through clickhouse-connect, without set-up requests and with a time limit on each request.

Error messages contain no addresses and no SQL.
"""

import logging
import random
import re
import time
from collections.abc import Callable
from threading import Lock

from clickhouse_connect import common
from clickhouse_connect.driver._backend.httpcommon import apply_http_server_settings
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, DatabaseError, OperationalError
from clickhouse_connect.driver.httpclient import HttpClient
from clickhouse_connect.driver.models import SettingDef
from clickhouse_connect.driver.query import TzSource

from flamehouse.deadline import has_time
from flamehouse.store.connection.endpoint import Endpoint
from flamehouse.store.connection.errors import code_of
from flamehouse.store.connection.kill_query import stop_queries, stopping
from flamehouse.store.connection.timed_pool import TimedPool

_ATTEMPTS = 3
_PAUSE_S = 0.2
"""The first pause before a retry is 50 to 100 % of this; each later one is twice as long."""
_MIN_ATTEMPT_S = 1
"""A retry needs at least this much time."""

_PASSING = frozenset({202, 242, 319, 999})
"""Codes of temporary failures: TOO_MANY_SIMULTANEOUS_QUERIES, TABLE_IS_READ_ONLY,
UNKNOWN_STATUS_OF_INSERT, KEEPER_EXCEPTION."""
_REFUSED_USER = frozenset({192, 193, 194, 516})
"""UNKNOWN_USER, WRONG_PASSWORD, REQUIRED_PASSWORD, AUTHENTICATION_FAILED."""
_REFUSED_STATUS = re.compile(r"HTTP status 40[13]\b")
"""Matches the client library's message if a proxy, rather than ClickHouse, rejects the user."""

_ASSUMED_SETTINGS = {
    name: SettingDef(name=name, value="0", readonly=0)
    for name in ("enable_http_compression", "cancel_http_readonly_queries_on_client_close")
}
"""Settings that the client library would otherwise query from the server: both are writable and not yet set."""


class Server:
    """One database of a server. The client is created on first use, and again if the server rejects its user.

    Each time, `endpoint` is called, so a rotated password takes effect without a restart.
    """

    def __init__(self, endpoint: Callable[[], Endpoint], database: str | None, timeout_s: int) -> None:
        self._endpoint = endpoint
        self._database = database
        self._timeout_s = timeout_s
        self._lock = Lock()
        self._at: Endpoint | None = None
        self._client: Client | None = None

    def call[T](self, work: Callable[[Client], T], *, repeatable: bool) -> T:
        """Call `work` with the client; retry temporary failures if it is `repeatable` and there is time."""
        attempt = 1
        while True:
            client = self._connected()
            try:
                return work(client)
            except ClickHouseError as error:
                if _refuses_user(error) and self._renew(client):
                    continue
                pause = random.uniform(0.5, 1) * _PAUSE_S * 2 ** (attempt - 1)  # noqa: S311  # not a secret
                again = repeatable and attempt < _ATTEMPTS and has_time(pause + _MIN_ATTEMPT_S)
                if not (again and _may_pass(error)):
                    raise
                attempt += 1
                time.sleep(pause)

    def threads(self) -> None:
        """Return None: ClickHouse decides."""

    def stop(self, tag: str) -> None:
        """Kill the queries with this tag; has no effect unless the replica that receives the request runs them."""
        with stopping():
            stop_queries(self._connected(), tag)

    def close(self) -> bool:
        with self._lock:
            if self._client is not None:
                self._client.close()
        return True

    def _connected(self) -> Client:
        with self._lock:
            if self._client is None:
                self._at = self._endpoint()
                self._client = server_client(self._at, self._database, self._timeout_s)
            return self._client

    def _renew(self, rejected: Client) -> bool:
        """Drop the rejected client if the endpoint has changed since; return whether it has."""
        with self._lock:
            if self._client is rejected:
                at = self._endpoint()
                if at == self._at:
                    return False
                rejected.close()
                self._client = None
            return True


def server_client(at: Endpoint, database: str | None, timeout_s: int) -> Client:
    """A client of the server at `at`, which sends nothing yet. `timeout_s` applies to requests without a time limit."""
    # Both libraries log addresses, and clickhouse_connect also logs SQL.
    for name in ("clickhouse_connect", "urllib3"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    common.set_setting("send_os_user", False)
    client = _Client(
        interface="https" if at.secure else "http",
        host=at.host,
        port=at.port,
        username=at.user,
        password=at.password,
        database=database,
        compress="lz4",
        client_name="flamehouse",
        autogenerate_session_id=False,
        query_retries=0,
        send_receive_timeout=timeout_s,
        pool_mgr=TimedPool(timeout_s),
        show_clickhouse_errors="scrub",
    )
    client.http_retries = 0
    return client


class _Client(HttpClient):
    """Skips the three requests with which the client library inspects a server.

    Their results are not needed: our queries name their time zones, and a setting unknown to the server is an error.
    """

    def _init_common_settings(self, tz_source: TzSource) -> None:  # noqa: ARG002  # the client's own signature
        self._dst_safe = True
        self.server_settings = dict(_ASSUMED_SETTINGS)
        self.params.update(self._validate_settings(self._ch_settings))
        apply_http_server_settings(
            self, self._backend, self._negotiated_compression, self._send_receive_timeout
        )

    def close(self) -> None:
        self.http.clear()
        super().close()


def _refuses_user(error: ClickHouseError) -> bool:
    code = code_of(error)
    return code in _REFUSED_USER or (code is None and _REFUSED_STATUS.search(str(error)) is not None)


def _may_pass(error: ClickHouseError) -> bool:
    """Whether the same request may succeed soon: a temporary ClickHouse code, or a failed connection."""
    code = code_of(error)
    if code is not None:
        return code in _PASSING
    return isinstance(error, OperationalError) or type(error) is DatabaseError
