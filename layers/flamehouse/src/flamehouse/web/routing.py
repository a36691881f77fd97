"""Paths as clients send them, made the ones that are routed: no repeated slashes, no deployment prefix.

Clients glue their server address and an endpoint together, so `//ingest` and `/prefix//ingest` do come in.
"""

import re
from dataclasses import dataclass

from starlette.types import ASGIApp, Receive, Scope, Send


@dataclass(frozen=True, slots=True)
class CleanPaths:
    """ASGI middleware: `app` sees every path cleaned of repeated slashes and of a leading `prefix`."""

    app: ASGIApp
    prefix: str = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope = {**scope, "path": clean_path(scope["path"], self.prefix)}
        await self.app(scope, receive, send)


def clean_path(path: str, prefix: str) -> str:
    """`path` with single slashes and without the leading folders that `prefix` (`prod`, `/prod/`) names."""
    path = re.sub("//+", "/", path)
    lead = f"/{prefix.strip('/')}/"
    if lead == "//" or not f"{path}/".startswith(lead):
        return path
    return path[len(lead) - 1 :] or "/"
