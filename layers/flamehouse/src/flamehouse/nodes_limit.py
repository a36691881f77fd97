"""How many nodes a flame graph may have: what is asked, within the settings."""

from flamehouse.errors import invalid_argument
from flamehouse.settings import Settings


def nodes_limit(asked: int, settings: Settings) -> int:
    """How many nodes to keep where `asked` are wanted, 0 for the default."""
    allowed = settings.max_flamegraph_nodes
    if asked < 0:
        raise invalid_argument(f"max flamegraph nodes limit must be set (max allowed {allowed})")
    if asked > allowed:
        raise invalid_argument(f"max flamegraph nodes limit {asked} is greater than allowed {allowed}")
    return asked or min(settings.default_flamegraph_nodes, allowed)
