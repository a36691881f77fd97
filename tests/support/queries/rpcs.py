"""The served routes, read from the sources: the modules with a handler, and the functions of template.yaml."""

from collections.abc import Sequence
from importlib import import_module
from types import ModuleType
from typing import Any

import yaml
from starlette.routing import Route

from tests.support.servers.place import REPO


class _Template(yaml.SafeLoader):
    """Reads CloudFormation's YAML without the targets of its tags (`!Ref`)."""


_Template.add_multi_constructor("!", lambda _loader, _suffix, _node: None)


def handled(package: str) -> list[ModuleType]:
    """Returns the modules of a package in functions/ that are handlers of routes on AWS Lambda."""
    functions = REPO / "functions"
    files = sorted((functions / package).rglob("*.py"))
    modules = (import_module(".".join(file.relative_to(functions).with_suffix("").parts)) for file in files)
    return [each for each in modules if hasattr(each, "handler") and {"route", "routes"} & vars(each).keys()]


def routes_of(module: ModuleType) -> Sequence[Route]:
    """Returns the routes that a module's handler serves: its `routes`, or its one `route`."""
    return module.routes if hasattr(module, "routes") else (module.route,)


def resources_of(type_: str) -> dict[str, dict[str, Any]]:
    """Returns the properties of each resource of a type in template.yaml, by its name."""
    resources = _template()["Resources"].items()
    return {name: resource["Properties"] for name, resource in resources if resource["Type"] == type_}


def parameter(name: str) -> dict[str, Any]:
    """Returns a parameter of template.yaml."""
    declared: dict[str, Any] = _template()["Parameters"][name]
    return declared


def _template() -> dict[str, Any]:
    # Safe: the loader is a SafeLoader whose tags construct nothing.
    template: dict[str, Any] = yaml.load((REPO / "template.yaml").read_text(), _Template)  # noqa: S506
    return template
