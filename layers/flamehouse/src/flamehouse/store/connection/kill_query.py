"""Kills abandoned queries, found by their tag."""

from collections.abc import Iterator
from contextlib import contextmanager

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from flamehouse.aws.secrets import SecretError
from flamehouse.telemetry import events
from flamehouse.telemetry.log import log

_STOP = "KILL QUERY WHERE Settings['log_comment'] = {tag:String} ASYNC"


def stop_queries(client: Client, tag: str) -> None:
    """Kill the queries whose `log_comment` is this tag.

    A user can kill its own queries if it may read system.processes, for which some servers require a grant
    (select_from_system_db_requires_grant).
    """
    client.command(_STOP, parameters={"tag": tag})


@contextmanager
def stopping() -> Iterator[None]:
    """Log a failure to kill queries instead of raising it: they end at their time limit anyway."""
    try:
        yield
    except (ClickHouseError, SecretError, OSError) as error:
        log(events.QUERY_NOT_STOPPED, reason=type(error).__name__)
