"""The formats that an answer of merged stacks may be asked in."""

from flamehouse.errors import invalid_argument
from flamehouse.pb.querier_pb2 import ProfileFormat


def check_format(format_: ProfileFormat) -> None:
    """RpcError invalid_argument for a number that no format has."""
    if format_ not in ProfileFormat.values():
        raise invalid_argument(f"there is no format {format_}")
