"""Labels in requests and responses: requested names, and label sets as messages."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from flamehouse.errors import invalid_argument
from flamehouse.model.labels import LabelSet
from flamehouse.pb.types_pb2 import LabelPair

_MAX_NAMES: Final = 100
"""Bounds the work of the store, which looks up each name in every series."""


def requested_labels(field: str, names: Iterable[str]) -> tuple[str, ...]:
    """Returns the distinct names in `field`, in order. Raises RpcError(INVALID_ARGUMENT) for too many."""
    distinct = tuple(dict.fromkeys(names))
    if len(distinct) > _MAX_NAMES:
        raise invalid_argument(f"{field} has {len(distinct)} labels: use at most {_MAX_NAMES}")
    return distinct


def label_pairs(labels: LabelSet) -> list[LabelPair]:
    """Returns the label set as messages, in its order."""
    return [LabelPair(name=name, value=value) for name, value in labels]


_LEGACY_NAME: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_CAPABILITY: Final = "allow-utf8-labelnames=true"


def visible_names(names: Iterable[str], headers: Mapping[str, str]) -> list[str]:
    """Returns the `names` that the client accepts according to its `headers`, in order."""
    if accepts_utf8_names(headers):
        return list(names)
    return [name for name in names if _LEGACY_NAME.fullmatch(name)]


def accepts_utf8_names(headers: Mapping[str, str]) -> bool:
    """Returns whether the client accepts label names with any characters, according to its `headers`."""
    parameters = headers.get("Accept", "").lower().replace(",", ";").split(";")
    return any(parameter.replace(" ", "").replace('"', "") == _CAPABILITY for parameter in parameters)
