"""Reads the template as CloudFormation receives it."""

from typing import Any

type Resource = dict[str, Any]


AUTHORIZER = "AuthorizerFunction"
QUEUED = {
    "WorkerFunction": "ingest.worker.handler",
    "DrainFunction": "ingest.drain.handler",
    "MaintainFunction": "ingest.maintenance.handler",
    "QrynInputFunction": "qryn.handler.handler",
}
"""The functions without a route."""

ROLLOUT_ALARMS = {
    "RolloutAuthorizerAlarm",
    "RolloutErrorsAlarm",
    "RolloutFailuresAlarm",
    "RolloutThrottlesAlarm",
}
"""The alarms that CodeDeploy reads."""


def of_type(template: dict[str, Any], type_: str) -> dict[str, Resource]:
    """Returns the properties of each resource of a type, by its name."""
    resources = template["Resources"].items()
    return {name: resource["Properties"] for name, resource in resources if resource["Type"] == type_}


def functions(template: dict[str, Any]) -> dict[str, Resource]:
    return of_type(template, "AWS::Lambda::Function")


def where_deployed(part: dict[str, Any]) -> dict[str, Any]:
    """Returns the part of a template that applies if its condition is true; conditional functions have such routes."""
    chosen: dict[str, Any] = part["Fn::If"][1] if "Fn::If" in part else part
    return chosen
