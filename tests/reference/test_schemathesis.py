"""Requests generated from the OpenAPI document: no server fault, and no response that the document does not describe."""

import json
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any, Final

import pytest
import schemathesis
from hypothesis import HealthCheck, given
from hypothesis import settings as trying
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import CHECKS, load_all_checks

from all_in_one import create_app
from flamehouse.services import Services
from flamehouse.settings import Settings
from flamehouse.store import Store
from tests.support.fuzzing import rounds
from tests.support.servers.place import REPO

load_all_checks()
CONFORMS: Final[Sequence[Callable[..., Any]]] = CHECKS.get_by_names(
    [
        "status_code_conformance",
        "content_type_conformance",
        "response_headers_conformance",
        "response_schema_conformance",
    ]
)
ANNOUNCED: Final = {HTTPStatus.NOT_IMPLEMENTED, HTTPStatus.GATEWAY_TIMEOUT}
"""Statuses from 500 up that a request may cause: Connect's `unimplemented`, and a timeout of zero."""
EXAMPLES: Final = 4
OPERATIONS: Final = [
    (path, method)
    for path, operations in json.loads((REPO / "docs/openapi.json").read_text())["paths"].items()
    for method in operations
]


@pytest.mark.parametrize("place", ["embedded"], indirect=True, scope="session")
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize(("path", "method"), OPERATIONS)
@pytest.mark.fuzz
def test_every_response_matches_the_document(
    store: Store, settings: Settings, tenant: str, path: str, method: str, mode: GenerationMode
) -> None:
    services = Services(settings=settings, store=store)
    schema = schemathesis.openapi.from_asgi("/openapi.json", create_app(lambda: services))

    def check(case: Case[Any]) -> None:
        response = case.call(headers={"X-Scope-OrgID": tenant})
        assert response.status_code < HTTPStatus.INTERNAL_SERVER_ERROR or response.status_code in ANNOUNCED
        case.validate_response(response, checks=[*CONFORMS])

    try:
        tried(given(case=schema[path][method].as_strategy(generation_mode=mode))(check))
    except Unsatisfiable:
        # Without parameters and body, nothing can be invalid.
        assert (mode, path) in {
            (GenerationMode.NEGATIVE, "/ready"),
            (GenerationMode.NEGATIVE, "/metrics"),
            (GenerationMode.NEGATIVE, "/api/v1/status/buildinfo"),
        }


def tried(test: Callable[[], None]) -> None:
    """Runs a property with as many examples as the gate has time for, the same ones every time."""
    quick = trying(max_examples=rounds(EXAMPLES), database=None, suppress_health_check=[*HealthCheck])
    quick(test)()
