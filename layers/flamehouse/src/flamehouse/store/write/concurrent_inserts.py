"""Inserts uploads concurrently, each with its own error."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from contextvars import copy_context
from typing import Final

from flamehouse.errors import RpcError
from flamehouse.model.profile import Upload
from flamehouse.store import Failures
from flamehouse.store.connection.errors import TO_WRITERS, as_rpc_errors
from flamehouse.store.write.cardinality import SeriesBudget
from flamehouse.store.write.ledger import key_of

_THREADS: Final = 16


def insert_each(
    uploads: Sequence[Upload], insert: Callable[[Upload], None], budget: SeriesBudget | None
) -> Failures:
    """Call `insert` for each upload, within the budget if it is given; return the errors.

    `insert` raises ClickHouseError or RpcError.
    """
    if not uploads:
        return {}

    def attempt(upload: Upload) -> RpcError | None:
        try:
            with as_rpc_errors(TO_WRITERS), budget.taken(upload) if budget else nullcontext():
                insert(upload)
        except RpcError as error:
            return error.alone()
        return None

    with ThreadPoolExecutor(min(_THREADS, len(uploads))) as threads:
        # The context contains the time limit.
        running = {key_of(each): threads.submit(copy_context().run, attempt, each) for each in uploads}
    found = {key: error.result() for key, error in running.items()}
    return {key: error for key, error in found.items() if error is not None}
