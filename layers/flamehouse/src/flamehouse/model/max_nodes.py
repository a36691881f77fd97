"""The number of nodes in a response: the requested number, which the settings limit for a flame graph."""

from flamehouse.errors import invalid_argument
from flamehouse.settings import Settings


def nodes_limit(requested: int, settings: Settings) -> int:
    """Return the number of nodes to use for the requested number, where 0 means the default.

    Raises as `check_nodes_limit` does.
    """
    check_nodes_limit(requested, settings)
    return requested or min(settings.default_flamegraph_nodes, settings.max_flamegraph_nodes)


def check_nodes_limit(requested: int, settings: Settings) -> None:
    """Raises RpcError(INVALID_ARGUMENT) for more nodes than a flame graph may have, or a negative number."""
    allowed = settings.max_flamegraph_nodes
    if any_nodes_limit(requested, settings) > allowed:
        raise invalid_argument(f"max flamegraph nodes limit {requested} is greater than allowed {allowed}")


def any_nodes_limit(requested: int, settings: Settings) -> int:
    """Return the number of nodes for a response without a maximum, where 0 means all.

    Raises RpcError(INVALID_ARGUMENT) for a negative number.
    """
    if requested < 0:
        allowed = settings.max_flamegraph_nodes
        raise invalid_argument(f"max flamegraph nodes limit must be set (max allowed {allowed})")
    return requested
