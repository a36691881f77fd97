"""New versions of the functions behind the API: what publishes one, and what moves requests to it."""

import json
import re
from typing import Any

from tests.support.servers.bundle import FUNCTIONS
from tests.support.servers.template import QUEUED, ROLLOUT_ALARMS, functions, of_type


def test_functions_behind_the_api_have_an_alias_that_codedeploy_moves(template: dict[str, Any]) -> None:
    groups = of_type(template, "AWS::CodeDeploy::DeploymentGroup")
    behind = FUNCTIONS.keys() - QUEUED
    assert groups.keys() == {f"{function}DeploymentGroup" for function in behind}
    for function in behind:
        alias = template["Resources"][f"{function}Aliaslive"]
        assert alias["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]["DeploymentGroupName"] == {
            "Ref": f"{function}DeploymentGroup"
        }
        group = groups[f"{function}DeploymentGroup"]
        assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]
        assert group["ServiceRoleArn"] == {"Fn::GetAtt": ["RolloutRole", "Arn"]}
        condition, alarms, without = group["AlarmConfiguration"]["Fn::If"]
        assert template["Conditions"][condition] == {
            "Fn::Not": [{"Fn::Equals": [{"Ref": "Rollout"}, "AllAtOnce"]}]
        }
        assert {each["Name"]["Ref"] for each in alarms["Alarms"]} == ROLLOUT_ALARMS
        assert without == {}
    assert template["Parameters"]["Rollout"]["Default"] == "AllAtOnce"
    for alarm in ROLLOUT_ALARMS:
        assert template["Resources"][alarm]["Condition"] == "RollsOut"


def parameters_in(part: object, template: dict[str, Any]) -> set[str]:
    """Returns the parameters that a part of the template refers to, directly or through a condition."""
    parameters: set[str] = {*template["Parameters"]}
    match part:
        case {"Ref": str(name)}:
            return {name} & parameters
        case {"Fn::Sub": [str(text), dict(names)]}:
            return {*re.findall(r"\$\{(\w+)\}", text)} & parameters | parameters_in(names, template)
        case {"Fn::If": [condition, *both]}:
            return parameters_in(template["Conditions"][condition], template) | parameters_in(both, template)
        case dict():
            return parameters_in([*part.values()], template)
        case list():
            return {name for each in part for name in parameters_in(each, template)}
        case _:
            return set()


def test_a_version_is_published_whenever_a_parameter_or_layer_of_its_function_changes(
    template: dict[str, Any],
) -> None:
    configuration = of_type(template, "AWS::SSM::Parameter")["Configuration"]["Value"]
    layers = {*re.findall(r'"Ref": "(\w+Layer\w+)"', json.dumps(configuration))}
    value = {"Fn::GetAtt": ["Configuration", "Value"]}
    of_function = {
        version["FunctionName"]["Ref"]: version["Description"]
        for version in of_type(template, "AWS::Lambda::Version").values()
    }
    assert of_function.keys() == FUNCTIONS.keys() - QUEUED
    for function, description in of_function.items():
        properties = functions(template)[function]
        # if only the version's description changed, Lambda would have nothing to publish
        assert description == properties["Description"] == value
        assert parameters_in(properties, template) <= parameters_in(configuration, template)
        used = {*re.findall(r'"Ref": "(\w+Layer\w+)"', json.dumps(properties["Layers"]))}
        assert used
        assert used <= layers


def test_a_description_of_a_version_is_as_short_as_lambda_requires(template: dict[str, Any]) -> None:
    parameters = template["Parameters"]
    longest = {
        name: parameters[name].get("MaxLength")
        or max(map(len, parameters[name].get("AllowedValues", ["10000"])))
        for name in parameters_in(
            of_type(template, "AWS::SSM::Parameter")["Configuration"]["Value"], template
        )
    }
    named = ("ClickHouseSecretArn", "ClickHouseIngestSecretArn", "ClickHouseQuerySecretArn")
    longest |= {name: len("flamehouse/ingest-AbCdEf") for name in named}
    longest |= {"SubnetIds": 0, "SecurityGroupIds": 0}
    layers = len("999 999 999")
    assert sum(longest.values()) + len(longest) + layers <= 256
