"""Every ClickHouse failure that an operator can fix is logged in one line with its name and the remedy."""

import logging

import pytest

from flamehouse.errors import Code, RpcError
from flamehouse.settings import Settings
from flamehouse.store.clickhouse_store import open_store
from tests.support.servers.scripted import Reply, scripted
from tests.support.uploads.uploads import Ingest, pprof

FAILURES = {
    (60, "UNKNOWN_TABLE"): "run flamehouse migrate",
    (497, "ACCESS_DENIED"): "lacks a grant of flamehouse setup-sql",
    (452, "SETTING_CONSTRAINT_VIOLATION"): "run flamehouse setup-sql again",
    (201, "QUOTA_EXCEEDED"): "raise the quota of its user",
    (516, "AUTHENTICATION_FAILED"): "rejects the user or password",
    (202, "TOO_MANY_SIMULTANEOUS_QUERIES"): "give ClickHouse more capacity",
    (242, "TABLE_IS_READ_ONLY"): "make its tables writable again",
    (243, "NOT_ENOUGH_SPACE"): "free or add disk space",
    (159, "TIMEOUT_EXCEEDED"): "give ClickHouse more capacity",
    (241, "MEMORY_LIMIT_EXCEEDED"): "give ClickHouse more memory",
    (252, "TOO_MANY_PARTS"): "faster than ClickHouse merges",
    (49, "LOGICAL_ERROR"): "see ClickHouse's own log",
}
"""The code and name of ClickHouse's error, and words of the advice."""


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: failure[1])
def test_a_failed_insert_is_a_line_with_the_name_and_the_remedy(
    caplog: pytest.LogCaptureFixture, failure: tuple[int, str]
) -> None:
    code, name = failure
    reply = Reply(
        status=500,
        body=f"Code: {code}. DB::Exception: in secret_column of INSERT INTO x. ({name})".encode(),
        headers={"X-ClickHouse-Exception-Code": str(code)},
    )
    uploads = Ingest()
    uploads.post(pprof([("cpu", "nanoseconds")]).SerializeToString())
    caplog.set_level(logging.INFO)
    with scripted(reply) as server, pytest.raises(RpcError) as raised:
        open_store(Settings(clickhouse_dsn=server.dsn)).insert(uploads.uploads[0])
    assert raised.value.code is Code.UNAVAILABLE
    # An upload may take several statements, which fail in the same way.
    messages = {record.getMessage() for record in caplog.records}
    [line] = [message for message in messages if "ClickHouse failed" in message]
    assert name in line
    assert FAILURES[failure] in line
    assert "secret_column" not in line
