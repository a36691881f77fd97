"""Reads the functions and their routes from a built SAM template.

Template: docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-specification.html
"""

import re
from collections import ChainMap
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

DEFAULT_ROUTE: Final = "$default"
_GREEDY: Final = re.compile(r"(?P<method>[A-Z]+) (?P<folder>/.*)\{\w+\+\}")
_FUNCTION: Final = "AWS::Serverless::Function"


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A function as deployed to Lambda: its folders, and its environment from the template."""

    name: str
    handler: str
    code: Path
    layers: tuple[Path, ...]
    timeout_s: int
    memory_mb: int
    environ: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorizer:
    """The function that authorizes requests by one header, and the seconds for which its response is cached."""

    function: str
    header: str
    cache_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """The contents of a stack; a route's key is `METHOD /path` or `$default`. Open routes have no authorizer."""

    functions: Mapping[str, Function]
    routes: Mapping[str, str]
    authorizer: Authorizer | None = None
    open_routes: frozenset[str] = frozenset()

    def route(self, method: str, path: str) -> str | None:
        """Return the key of the route that the gateway selects for a request."""
        for key in (f"{method} {path}", f"ANY {path}"):
            if key in self.routes:
                return key
        greedy = [key for key in self.routes if _takes(key, method, path)]
        return max(greedy, key=len, default=DEFAULT_ROUTE if DEFAULT_ROUTE in self.routes else None)


def _takes(key: str, method: str, path: str) -> bool:
    """Return whether a greedy route, such as `ANY /ui/{path+}`, matches the request."""
    found = _GREEDY.fullmatch(key)
    if found is None or found["method"] not in {"ANY", method}:
        return False
    return path.startswith(found["folder"]) and len(path) > len(found["folder"])


def read_deployment(build: Path, parameters: Mapping[str, str]) -> Deployment:
    """Return the stack in the folder `build` with `parameters`. Raises KeyError with the name of a missing part."""
    template = yaml.safe_load((build / "template.yaml").read_text())
    stack = _Stack(template, parameters)
    shared = template.get("Globals", {}).get("Function", {})
    functions, routes, open_routes = {}, {}, set()
    for name, resource in template["Resources"].items():
        if resource["Type"] != _FUNCTION or not stack.has(resource):
            continue
        properties = _merged(shared, resource["Properties"])
        functions[name] = _function(name, stack.resolved(properties), stack, build)
        for event in properties.get("Events", {}).values():
            if event["Type"] == "HttpApi":
                key = _route_key(event["Properties"])
                routes[key] = name
                if event["Properties"].get("Auth") == {"Authorizer": "NONE"}:
                    open_routes.add(key)
    return Deployment(
        functions=functions,
        routes=routes,
        authorizer=_authorizer(stack.resolved(template["Resources"]["Api"]["Properties"]["Auth"])),
        open_routes=frozenset(open_routes),
    )


def _authorizer(auth: Mapping[str, Any]) -> Authorizer:
    """Return the default authorizer. Raises KeyError or ValueError if it is of another kind."""
    declared = auth["Authorizers"][auth["DefaultAuthorizer"]]
    if (declared["AuthorizerPayloadFormatVersion"], declared["EnableSimpleResponses"]) != ("2.0", True):
        raise ValueError("an authorizer with responses of another kind")
    [header] = declared["Identity"]["Headers"]
    return Authorizer(
        function=declared["FunctionArn"],
        header=header,
        cache_s=float(declared["Identity"]["ReauthorizeEvery"]),
    )


def _merged(shared: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return a function's properties, with the environment and layers that all functions share."""
    layers = [*shared.get("Layers", ()), *own.get("Layers", ())]
    environments = (each.get("Environment", {}).get("Variables", {}) for each in (shared, own))
    environment = {"Variables": dict(ChainMap(*reversed([*environments])))}
    return {**shared, **own, "Environment": environment, "Layers": layers}


def _function(name: str, properties: Mapping[str, Any], stack: "_Stack", build: Path) -> Function:
    return Function(
        name=name,
        handler=properties["Handler"],
        code=build / properties["CodeUri"],
        layers=tuple(build / stack.layer(layer) for layer in properties.get("Layers", ())),
        timeout_s=int(properties.get("Timeout", 3)),
        memory_mb=int(properties.get("MemorySize", 128)),
        environ={
            **{name: str(value) for name, value in properties["Environment"]["Variables"].items()},
            **_logging(properties.get("LoggingConfig", {})),
        },
    )


def _logging(config: Mapping[str, Any]) -> dict[str, str]:
    """Return the variables that pass on Lambda's logging configuration."""
    return {
        "AWS_LAMBDA_LOG_FORMAT": str(config.get("LogFormat", "Text")),
        "AWS_LAMBDA_LOG_LEVEL": str(config.get("ApplicationLogLevel", "INFO")),
    }


def _route_key(properties: Mapping[str, Any]) -> str:
    if "Path" not in properties:
        return DEFAULT_ROUTE
    return f"{properties.get('Method', 'ANY').upper()} {properties['Path']}"


class _Stack:
    """Resolves the intrinsic functions that the template uses for functions and their layers."""

    def __init__(self, template: Mapping[str, Any], parameters: Mapping[str, str]) -> None:
        self._resources = template["Resources"]
        self._conditions = template.get("Conditions", {})
        self._parameters = {
            name: parameters[name] if name in parameters else declared["Default"]
            for name, declared in template.get("Parameters", {}).items()
        } | {name: value for name, value in parameters.items() if name in self._resources}

    def resolved(self, value: Any) -> Any:  # noqa: ANN401  # whatever YAML holds
        """Return the value with its references resolved."""
        match value:
            case {"Ref": name} | {"Fn::GetAtt": [name, *_]}:
                return self._parameters.get(name, name.removesuffix(".Alias"))
            case {"Fn::If": [condition, then, otherwise]}:
                return self.resolved(then if self._holds({"Condition": condition}) else otherwise)
            case {"Fn::Sub": _} | {"Fn::Join": _}:
                return self._text(value)
            case dict():
                return {name: self.resolved(item) for name, item in value.items()}
            case list():
                return [self.resolved(item) for item in value]
            case _:
                return value

    def _text(self, value: Mapping[str, Any]) -> str:
        match value:
            case {"Fn::Sub": str(text)}:
                return re.sub(r"\$\{(\w+)\}", lambda found: str(self.resolved({"Ref": found[1]})), text)
            case {"Fn::Join": [str(between), {"Ref": name}]}:  # a parameter that is a list
                return between.join(self._parameters[name].split(","))
            case _:
                raise ValueError(f"a text of another kind: {value}")

    def layer(self, name: str) -> str:
        """Return the folder of a layer's content."""
        return str(self._resources[name]["Properties"]["ContentUri"])

    def has(self, resource: Mapping[str, Any]) -> bool:
        """Return whether a resource is deployed: it has no condition, or its condition is true."""
        return "Condition" not in resource or self._holds({"Condition": resource["Condition"]})

    def _holds(self, condition: Any) -> bool:  # noqa: ANN401
        match condition:
            case {"Condition": name}:
                return self._holds(self._conditions[name])
            case {"Fn::Equals": [left, right]}:
                return bool(self.resolved(left) == self.resolved(right))
            case {"Fn::Not": [inner]}:
                return not self._holds(inner)
            case _:
                raise ValueError(f"a condition of another kind: {condition}")
