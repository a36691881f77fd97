"""Budgets of an upload, charged before anything is allocated."""

from flamehouse.errors import invalid_argument


class Budget:
    """The remainder of a limit."""

    __slots__ = ("_left", "_most", "_what")

    def __init__(self, most: int, what: str) -> None:
        self._left = most
        self._most = most
        self._what = what

    def take(self, count: int = 1) -> None:
        """Charge the budget. Raises RpcError(INVALID_ARGUMENT) if it is exceeded."""
        self._left -= count
        if self._left < 0:
            raise invalid_argument(f"the upload has more than {self._most} {self._what}")
