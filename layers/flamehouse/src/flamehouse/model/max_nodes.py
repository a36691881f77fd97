"""How many nodes an answer may have: what is asked, for a flame graph within the settings."""

from flamehouse.errors import invalid_argument
from flamehouse.settings import Settings


def nodes_limit(asked: int, settings: Settings) -> int:
    """How many nodes to keep where `asked` are wanted, 0 for the default; RpcError as `check_nodes_limit`."""
    check_nodes_limit(asked, settings)
    return asked or min(settings.default_flamegraph_nodes, settings.max_flamegraph_nodes)


def check_nodes_limit(asked: int, settings: Settings) -> None:
    """RpcError invalid_argument for more nodes than a flame graph may have, or less than none."""
    allowed = settings.max_flamegraph_nodes
    if any_nodes_limit(asked, settings) > allowed:
        raise invalid_argument(f"max flamegraph nodes limit {asked} is greater than allowed {allowed}")


def any_nodes_limit(asked: int, settings: Settings) -> int:
    """How many nodes to keep where `asked` are wanted and an answer may have any number of them, 0 for all."""
    if asked < 0:
        allowed = settings.max_flamegraph_nodes
        raise invalid_argument(f"max flamegraph nodes limit must be set (max allowed {allowed})")
    return asked
