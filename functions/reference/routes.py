"""/openapi.json and /docs: the document, and Swagger UI for it; this server serves all of its files.

The assets come from the package swagger-ui-py (Apache-2.0), pinned with hashes in requirements.lock.
"""

from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from flamehouse.errors import Code, RpcError
from flamehouse.web.compression import compress_if_wanted
from flamehouse.web.http_app import http_router
from reference.document import document_of, written

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_OWN: Final = Path(__file__).parent / "static"
_FILES: Final = {
    "": ("text/html", _OWN, "index.html"),
    "start.js": ("text/javascript", _OWN, "start.js"),
    "swagger-ui.css": ("text/css", None, "swagger-ui.css"),
    "swagger-ui-bundle.js": ("text/javascript", None, "swagger-ui-bundle.js"),
}
"""Each file's media type, and its folder if that is not the package folder."""


def reference_routes(documented: Sequence[BaseRoute]) -> list[BaseRoute]:
    """Return the routes of the reference that describes the routes `documented`."""
    router = http_router()

    @cache
    def document() -> bytes:
        return written(document_of(documented)).encode()

    @router.get("/openapi.json", include_in_schema=False)
    async def openapi(request: Request) -> Response:
        """Return the document."""
        body, encoding = compress_if_wanted(document(), request.headers)
        return Response(body, headers=encoding, media_type="application/json")

    @router.get("/docs", include_in_schema=False)
    @router.get("/docs/{file}", include_in_schema=False)
    async def page(request: Request, file: str = "") -> Response:
        """Return one file of the page."""
        if file not in _FILES:
            raise RpcError(Code.NOT_FOUND, f"unknown path {request.url.path}; /docs is the reference page")
        media_type, folder, name = _FILES[file]
        body = _read((folder or _package_folder()) / name)
        content, encoding = compress_if_wanted(body, request.headers)
        headers = {**encoding, "Content-Security-Policy": _POLICY, "X-Content-Type-Options": "nosniff"}
        return Response(content, headers=headers, media_type=media_type)

    return router.routes


@cache
def _read(path: Path) -> bytes:
    return path.read_bytes()


def _package_folder() -> Path:
    """Return the folder of swagger-ui-py's assets without importing its code."""
    spec = find_spec("swagger_ui")
    if spec is None or not spec.submodule_search_locations:
        raise RpcError(Code.NOT_FOUND, "the assets of the reference page are missing: install swagger-ui-py")
    return Path(spec.submodule_search_locations[0]) / "static"
