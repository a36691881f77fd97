"""What a request handler works with; built once per process, on the first request."""

from dataclasses import dataclass

from flamehouse.settings import Settings
from flamehouse.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The settings and the store of this process. An app carries `app.state.services`, a callable that returns it."""

    settings: Settings
    store: Store
