"""What a cold start of each function may cost: the libraries it imports, its time, the size of its layers.

Tests hold the libraries and the sizes (tests/deployment); `make bench` measures the time of the read path.
"""

from dataclasses import dataclass
from typing import Final

_BASE: Final = frozenset(
    {
        *("anyio", "aws_lambda_powertools", "backports", "botocore", "certifi", "clickhouse_connect"),
        *("google", "isal", "jmespath", "lz4", "mangum", "python_multipart", "starlette"),
        *("typing_extensions", "urllib3"),
    }
)
"""What every function imports, Starlette importing python_multipart: HTTP, protobuf, compression, the ClickHouse
client, and telemetry, for which Powertools imports jmespath and the root of botocore."""
_FASTAPI: Final = frozenset(
    {"annotated_doc", "annotated_types", "fastapi", "pydantic", "pydantic_core", "typing_inspection"}
)


_QUEUE: Final = _BASE - {"anyio", "google", "isal", "mangum", "python_multipart", "starlette"}
"""What the worker and the drain import before they read their first object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The budget of one function."""

    libraries: frozenset[str]
    """Every package it imports beside the standard library and this repository's own: no more, no fewer."""
    init_ratio: float
    """Time of import and first response over that of importing starlette, mangum, clickhouse_connect and protobuf."""
    layers_mb: int

    @property
    def fastapi(self) -> bool:
        """Whether it needs the layer with FastAPI."""
        return self.libraries >= _FASTAPI


_RPC: Final = Budget(libraries=_BASE, init_ratio=2.0, layers_mb=45)
_HTTP: Final = Budget(libraries=_BASE | _FASTAPI, init_ratio=4.5, layers_mb=80)

_BUDGETS: Final = {
    "adhoc": Budget(libraries=_BASE, init_ratio=4.5, layers_mb=45),
    "authorizer": Budget(libraries=frozenset(), init_ratio=1.0, layers_mb=45),
    "console.about": _HTTP,
    "console.settings": _RPC,
    "ingest": _HTTP,
    "ingest.drain": Budget(libraries=_QUEUE, init_ratio=4.5, layers_mb=45),
    "ingest.worker": Budget(libraries=_QUEUE, init_ratio=4.5, layers_mb=45),
    "querier": _RPC,
    "querier.pyroscope": _HTTP,
    "routes": _HTTP,
    "ui": Budget(libraries=frozenset(), init_ratio=1.0, layers_mb=45),
}
"""By module, or by the package that a module is in; the longest name counts."""


def budget_of(module: str) -> Budget:
    """The budget of the function whose handler is in `module`."""
    name = max((name for name in _BUDGETS if f"{module}.".startswith(f"{name}.")), key=len)
    return _BUDGETS[name]
