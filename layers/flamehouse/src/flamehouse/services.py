"""What a request handler works with; built once per process, on the first request."""

from collections.abc import Callable
from dataclasses import dataclass

from flamehouse.settings import Settings
from flamehouse.store import Store


def nothing() -> None:
    """The check of a process that is ready once it runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The settings and the store of this process. An app carries `app.state.services`, a callable that returns it.

    `check` is what has to return before the process calls itself ready; RpcError says why it is not. On AWS it is
    nothing: /ready is open to everyone there, and asking ClickHouse Cloud would wake it at a price.
    """

    settings: Settings
    store: Store
    check: Callable[[], None] = nothing
