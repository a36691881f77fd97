"""Stopping queries that nobody waits for, found by their tag."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from flamehouse.aws.secrets import SecretError

_log = logging.getLogger(__name__)

_STOP = "KILL QUERY WHERE Settings['log_comment'] = {tag:String} ASYNC"


def stop_queries(client: Client, tag: str) -> None:
    """Stop the queries whose `log_comment` is this tag.

    A user may stop queries of its own where it may read system.processes, which some servers leave to a grant
    (select_from_system_db_requires_grant).
    """
    client.command(_STOP, parameters={"tag": tag})


@contextmanager
def stopping() -> Iterator[None]:
    """What keeps queries from being stopped is a line of the log: they end with their time limit in any case."""
    try:
        yield
    except (ClickHouseError, SecretError, OSError) as error:
        _log.warning("a query that nobody waits for was not stopped: %s", type(error).__name__)
