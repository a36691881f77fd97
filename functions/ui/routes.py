"""The web page as routes of the local server, and of the catch-all function on AWS."""

from functools import cache
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from flamehouse.errors import Code, RpcError
from flamehouse.services import Services
from flamehouse.web.http_app import http_router
from ui.page import Page, PageOptions

router = http_router()


@router.get("/", include_in_schema=False)
@router.get("/ui/{path:path}", include_in_schema=False)
async def page_file(request: Request) -> Response:
    """Return one file of the page."""
    services: Services = request.app.state.services()
    settings = services.settings
    if settings.ui != "true":
        raise RpcError(Code.NOT_FOUND, "the web page is disabled: set UI=true to serve it")
    sent = request.scope.get("raw_path", b"/").decode("latin-1")
    if request.scope["path"] == "/" and not sent.endswith("/"):
        # The page's URLs are relative: without the trailing slash, they would lose the prefix.
        return RedirectResponse(f"{sent.rpartition('/')[2]}/")
    page = _page(PageOptions(api_url=settings.ui_api_url, source_hosts=settings.ui_source_hosts))
    found = page.respond(request.scope["path"], request.url.query, request.headers)
    return Response(found.body, found.status, dict(found.headers))


@cache
def _page(options: PageOptions) -> Page:
    return Page.load(options)


routes: Final = router.routes
