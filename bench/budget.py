"""The cold-start budget of each function: the libraries it imports, its time and the size of its layers.

Tests check the libraries and the sizes (tests/deployment); `make bench` measures the time of the read path.
"""

from dataclasses import dataclass, replace
from typing import Final

_BASE: Final = frozenset(
    {
        *("anyio", "aws_lambda_powertools", "backports", "botocore", "certifi", "clickhouse_connect"),
        *("google", "isal", "jmespath", "lz4", "mangum", "python_multipart", "starlette"),
        *("typing_extensions", "urllib3"),
    }
)
"""The imports of every function: HTTP (Starlette imports python_multipart), protobuf, compression, the ClickHouse
client, and telemetry (Powertools imports jmespath and the root of botocore).
"""
_FASTAPI: Final = frozenset(
    {"annotated_doc", "annotated_types", "fastapi", "pydantic", "pydantic_core", "typing_inspection"}
)


_QUEUE: Final = _BASE - {"anyio", "google", "isal", "mangum", "python_multipart", "starlette"}
"""The imports of the worker, the drain and the maintenance before they read their first object."""


_WRITES: Final = frozenset(
    {
        *("flamehouse.blobs", "flamehouse.disk", "flamehouse.model.profile"),
        *("flamehouse.store.uploads", "flamehouse.store.write"),
        *("flamehouse.store.schema.migrate", "flamehouse.store.schema.retention"),
    }
)
"""The parts of the package `flamehouse` that upload, store files or change the schema."""
_OF_LOCAL_SERVER: Final = frozenset({"flamehouse.identity.credentials", "flamehouse.store.write.log"})
_QUERIES: Final = frozenset(
    f"flamehouse.store.{module}"
    for module in ("read.labels", "read.series", "read.stacktraces", "read.pprof")
)
"""Query modules; the store imports each when it first runs such a query."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The budget of one function."""

    libraries: frozenset[str]
    """Exactly the packages it imports, except the standard library's and this repository's."""
    init_ratio: float
    """The time of the import and the first response, relative to the import of starlette, mangum, clickhouse_connect
    and protobuf.
    """
    layers_mb: int
    without: frozenset[str] = _OF_LOCAL_SERVER
    """The modules and packages of `flamehouse` that it must not import."""

    @property
    def fastapi(self) -> bool:
        """Whether the function needs the layer with FastAPI."""
        return self.libraries >= _FASTAPI


_READS: Final = _OF_LOCAL_SERVER | _QUERIES | _WRITES
_RPC: Final = Budget(libraries=_BASE, init_ratio=2.0, layers_mb=45, without=_READS)
_HTTP: Final = Budget(libraries=_BASE | _FASTAPI, init_ratio=4.5, layers_mb=80)
_PAGE: Final = replace(_HTTP, layers_mb=45, without=_READS)

_BUDGETS: Final = {
    "adhoc": Budget(libraries=_BASE, init_ratio=4.5, layers_mb=45),
    "authorizer": Budget(libraries=frozenset(), init_ratio=1.0, layers_mb=45),
    "console.about": _PAGE,
    "console.settings": _RPC,
    "console.usage": replace(_PAGE, libraries=_HTTP.libraries - {"google", "isal"}),
    "ingest": _HTTP,
    "ingest.drain": Budget(libraries=_QUEUE, init_ratio=4.5, layers_mb=45),
    "ingest.maintenance": Budget(libraries=_QUEUE, init_ratio=4.5, layers_mb=45),
    "ingest.worker": Budget(libraries=_QUEUE, init_ratio=4.5, layers_mb=45),
    "qryn": Budget(libraries=_BASE - {"mangum"}, init_ratio=4.5, layers_mb=45),
    "querier": _RPC,
    "querier.pyroscope": _PAGE,
    "routes": replace(_HTTP, layers_mb=45),
    "ui": Budget(libraries=frozenset(), init_ratio=1.0, layers_mb=45),
}
"""Budgets by module or package; the longest matching name applies."""


def budget_of(module: str) -> Budget:
    """Return the budget of the function whose handler is in `module`."""
    name = max((name for name in _BUDGETS if f"{module}.".startswith(f"{name}.")), key=len)
    return _BUDGETS[name]
