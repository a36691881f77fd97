"""How much of something an upload may have: counted as it comes, before anything is made of it."""

from flamehouse.errors import invalid_argument


class Budget:
    """What is left of a limit."""

    __slots__ = ("_left", "_most", "_what")

    def __init__(self, most: int, what: str) -> None:
        self._left = most
        self._most = most
        self._what = what

    def take(self, count: int = 1) -> None:
        """Raises RpcError(INVALID_ARGUMENT) where there are too many."""
        self._left -= count
        if self._left < 0:
            raise invalid_argument(f"the upload has more than {self._most} {self._what}")
