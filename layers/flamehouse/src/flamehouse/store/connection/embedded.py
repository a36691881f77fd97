"""ClickHouse inside this process: chDB through clickhouse-connect. One process at a time may open a data folder."""

from collections.abc import Callable
from os import process_cpu_count
from queue import Empty, LifoQueue, ShutDown
from threading import TIMEOUT_MAX, Lock
from time import monotonic
from urllib.parse import urlsplit

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import OperationalError, ProgrammingError

from flamehouse.deadline import time_left
from flamehouse.store.connection.kill_query import stop_queries, stopping

_SCHEME = "chdb"
HANDLES = 4
"""The number of statements that one pool runs concurrently."""
_CLOSE_WAIT_S = 5


def is_embedded(dsn: str) -> bool:
    """Whether the DSN is for an engine inside this process."""
    return urlsplit(dsn).scheme == _SCHEME


def embedded_path(dsn: str) -> str:
    """The data folder in a `chdb://` DSN, as written there."""
    return dsn.removeprefix(f"{_SCHEME}://")


def embedded_client(path: str, database: str | None) -> Client:
    """A new handle of the engine at `path`."""
    return clickhouse_connect.get_client(interface="chdb", path=path, database=database)


class Embedded:
    """One database of an engine. A handle serves one call at a time, so the class pools a few."""

    def __init__(self, path: str, database: str | None) -> None:
        self._path = path
        self._database = database
        self._clients: LifoQueue[Client | None] = LifoQueue()
        for _ in range(HANDLES):
            self._clients.put(None)
        self._stopper: Client | None = None
        self._stopping = Lock()

    def call[T](self, work: Callable[[Client], T], *, repeatable: bool) -> T:  # noqa: ARG002  # no failure is temporary
        """Call `work` with a free handle and return its result."""
        try:
            client = self._clients.get(timeout=time_left(TIMEOUT_MAX))
        except ShutDown:
            raise ProgrammingError("the database is closed") from None
        except Empty:
            raise OperationalError("every handle is in use") from None
        try:
            if client is None:
                client = embedded_client(self._path, self._database)
            result = work(client)
        except BaseException:
            # After a killed query, the handle would return the remaining rows to the next query.
            if client is not None:
                client.close()
            client = None
            raise
        else:
            return result
        finally:
            self._put_back(client)

    def threads(self) -> int:
        """Return the number of threads for a statement: half of the cores, divided among all running statements.

        The other half is for uploads and for Python. A second thread costs a small statement more CPU time than it
        saves.
        """
        running = HANDLES - self._clients.qsize()
        return max(1, (process_cpu_count() or 1) // 2 // max(1, running))

    def _put_back(self, client: Client | None) -> None:
        try:
            self._clients.put(client)
        except ShutDown:
            if client is not None:
                client.close()

    def stop(self, tag: str) -> None:
        """Kill the queries with this tag through a separate handle, since they may occupy all the others."""
        with self._stopping, stopping():
            if self._stopper is None:
                self._stopper = embedded_client(self._path, self._database)
            stop_queries(self._stopper, tag)

    def close(self) -> bool:
        """Wait up to 5 seconds for every handle to become free, and close it; later calls raise ProgrammingError.

        Returns False if a handle is still in use. The process can then end only through `os._exit`, since the engine
        waits for its queries.
        """
        until = monotonic() + _CLOSE_WAIT_S
        try:
            for _ in range(HANDLES):
                client = self._clients.get(timeout=max(0, until - monotonic()))
                if client is not None:
                    client.close()
        except Empty:
            return False
        finally:
            self._clients.shutdown()
        with self._stopping:
            if self._stopper is not None:
                self._stopper.close()
                self._stopper = None
        return True
