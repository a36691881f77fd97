"""Labels in requests and answers: the names that are asked for, and label sets as messages."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from flamehouse.errors import invalid_argument
from flamehouse.model.labels import LabelSet
from flamehouse.pb.types_pb2 import LabelPair

_MAX_NAMES: Final = 100
"""Every series is asked for each name."""


def asked_labels(field: str, names: Iterable[str]) -> tuple[str, ...]:
    """The names in `field`, each once, in their order; RpcError invalid_argument for too many."""
    distinct = tuple(dict.fromkeys(names))
    if len(distinct) > _MAX_NAMES:
        raise invalid_argument(f"{field} names {len(distinct)} labels, and the limit is {_MAX_NAMES}")
    return distinct


def label_pairs(labels: LabelSet) -> list[LabelPair]:
    """The label set as messages, in its order."""
    return [LabelPair(name=name, value=value) for name, value in labels]


_LEGACY_NAME: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_CAPABILITY: Final = "allow-utf8-labelnames=true"


def visible_names(names: Iterable[str], headers: Mapping[str, str]) -> list[str]:
    """Those of `names` that the client which sent `headers` can take, in their order."""
    if takes_utf8_names(headers):
        return list(names)
    return [name for name in names if _LEGACY_NAME.fullmatch(name)]


def takes_utf8_names(headers: Mapping[str, str]) -> bool:
    """Whether the client which sent `headers` can take any name."""
    parameters = headers.get("Accept", "").lower().replace(",", ";").split(";")
    return any(parameter.replace(" ", "").replace('"', "") == _CAPABILITY for parameter in parameters)
