"""Label names that only clients which know UTF-8 names are shown, such as `otel.scope.name`.

A client says that it does by a parameter of its Accept header: `*/*;allow-utf8-labelnames=true`.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final

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
