"""An RPC is one file, one route and one function: none of the three exists without the others."""

from starlette.applications import Starlette
from starlette.routing import Route

from all_in_one import create_app
from flamehouse.services import Services
from flamehouse.settings import Settings
from flamehouse.web.routing import CleanPaths
from tests.support.queries.rpcs import handled, resources_of, routes_of
from tests.support.servers.bundle import FUNCTIONS
from tests.support.servers.doubles import CannedStore
from ui.routes import routes as ui_routes

MODULES = [*handled("ingest"), *handled("querier"), *handled("console"), *handled("adhoc")]


def test_the_local_server_has_the_routes_of_every_handler_and_no_others() -> None:
    services = Services(settings=Settings(), store=CannedStore())
    served = create_app(lambda: services)
    assert isinstance(served, CleanPaths)
    assert isinstance(served.app, Starlette)
    local_only = {"/openapi.json", "/docs", "/docs/{file}", "/metrics"}
    routes = [route for route in served.app.routes if isinstance(route, Route)]
    assert local_only < {route.path for route in routes}
    mounted = sorted(id(route) for route in routes if route.path not in local_only)
    page = [id(route) for route in ui_routes]
    assert mounted == sorted([*page, *(id(route) for module in MODULES for route in routes_of(module))])


def test_the_template_has_a_function_for_every_handler_with_its_paths() -> None:
    events = {
        properties["Handler"]: {
            event["Properties"]["Path"]
            for event in properties.get("Events", {}).values()
            if "Path" in event["Properties"]
        }
        for properties in resources_of("AWS::Serverless::Function").values()
    }
    assert len(events) == len(FUNCTIONS)
    for handler in (
        "ingest.worker.handler",
        "ingest.drain.handler",
        "ingest.maintenance.handler",
        "qryn.handler.handler",
        "authorizer.handler.handler",
    ):
        assert events.pop(handler) == set()
    paths = {
        f"{module.__name__}.handler": {route.path for route in routes_of(module) if isinstance(route, Route)}
        for module in MODULES
    }
    paths_of_page = {route.path for route in ui_routes if isinstance(route, Route)}
    page = {path.replace("{path:path}", "{path+}") for path in paths_of_page}
    assert events == {**paths, "routes.handler": set(), "ui.handler.handler": page}
