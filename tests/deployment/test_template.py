"""template.yaml as CloudFormation receives it, with its SAM resources expanded."""

import json
import re
from typing import Any, Final

import pytest

from bench.budget import budget_of
from flamehouse.settings import Settings
from tests.support.queries.rpcs import handled, routes_of
from tests.support.servers.bundle import FUNCTIONS
from tests.support.servers.place import REPO
from tests.support.servers.template import (
    AUTHORIZER,
    QUEUED,
    ROLLOUT_ALARMS,
    functions,
    of_type,
    where_deployed,
)

TIMEOUTS: Final = {
    "WorkerFunction": 60,
    "DrainFunction": 900,
    "MaintainFunction": 900,
    "QrynInputFunction": 300,
    AUTHORIZER: 9,
}
"""Timeouts of the functions that a queue, a schedule or the gateway invokes instead of a client."""


def routed(template: dict[str, Any]) -> dict[str, set[str]]:
    """Returns the paths of each handler; `$default` matches all that no other route matches."""
    handlers = {name: properties["Handler"] for name, properties in functions(template).items()}
    paths: dict[str, set[str]] = {handler: set() for handler in handlers.values()}
    for path, methods in template["Resources"]["Api"]["Properties"]["Body"]["paths"].items():
        found = where_deployed(methods)
        assert found.keys() == {"x-amazon-apigateway-any-method"}
        method = where_deployed(found["x-amazon-apigateway-any-method"])
        integration = method["x-amazon-apigateway-integration"]
        assert (integration["type"], integration["payloadFormatVersion"]) == ("aws_proxy", "2.0")
        function = re.search(
            r"functions/\$\{(\w+)Aliaslive\}/invocations", where_deployed(integration["uri"])["Fn::Sub"]
        )
        assert function
        paths[handlers[function[1]]].add(path)
    return paths


def test_every_handler_has_its_routes_and_every_route_its_handler(template: dict[str, Any]) -> None:
    modules = (*handled("ingest"), *handled("querier"), *handled("console"), *handled("adhoc"))
    expected = {f"{each.__name__}.handler": {route.path for route in routes_of(each)} for each in modules}
    expected["routes.handler"] = {"$default"}
    expected["ui.handler.handler"] = {"/", "/ui/{path+}"}
    expected |= {handler: set[str]() for handler in (*QUEUED.values(), "authorizer.handler.handler")}
    assert routed(template) == expected
    assert {name: f"{module}.handler" for name, module in FUNCTIONS.items()} == {
        name: properties["Handler"] for name, properties in functions(template).items()
    }


def test_the_stage_adds_nothing_to_paths(template: dict[str, Any]) -> None:
    assert [stage["StageName"] for stage in of_type(template, "AWS::ApiGatewayV2::Stage").values()] == [
        "$default"
    ]


def test_the_gateway_limits_the_request_rate(template: dict[str, Any]) -> None:
    [stage] = of_type(template, "AWS::ApiGatewayV2::Stage").values()
    limit = {"Ref": "RequestsPerSecond"}
    assert stage["DefaultRouteSettings"] == {"ThrottlingRateLimit": limit, "ThrottlingBurstLimit": limit}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_runs_on_the_tested_runtime_and_times_out_before_the_gateway(
    template: dict[str, Any], function: str
) -> None:
    properties = functions(template)[function]
    assert (properties["Runtime"], properties["Timeout"]) == ("python3.13", TIMEOUTS.get(function, 29))
    assert properties["Runtime"] == f"python{(REPO / '.python-version').read_text().strip()}"
    assert properties["Architectures"] == [{"Ref": "Architecture"}]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_has_the_wheels_of_its_architecture(template: dict[str, Any], function: str) -> None:
    wheels, kernel, *fastapi = functions(template)[function]["Layers"]
    assert bool(fastapi) == budget_of(FUNCTIONS[function]).fastapi
    layers = of_type(template, "AWS::Lambda::LayerVersion")
    for choice in (wheels, *fastapi):
        condition, arm, x86 = choice["Fn::If"]
        assert template["Conditions"][condition] == {"Fn::Equals": [{"Ref": "Architecture"}, "arm64"]}
        assert layers[arm["Ref"]]["CompatibleArchitectures"] == ["arm64"]
        assert layers[x86["Ref"]]["CompatibleArchitectures"] == ["x86_64"]
    assert kernel["Ref"].startswith("FlamehouseLayer")
    assert template["Parameters"]["Architecture"]["AllowedValues"] == ["arm64", "x86_64"]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_functions_environment_has_only_settings_that_it_reads(
    template: dict[str, Any], function: str
) -> None:
    environment = functions(template)[function]["Environment"]["Variables"]
    assert {name.lower() for name in environment} <= set(Settings.__dataclass_fields__)
    assert [name for name in environment if "CREDENTIAL" in name] == (
        ["CREDENTIALS_SECRET_ARN"] if function == AUTHORIZER else []
    )
    assert environment["PATH_PREFIX"] == {"Ref": "PathPrefix"}


def test_every_route_but_readiness_and_the_web_page_has_the_authorizer(template: dict[str, Any]) -> None:
    body = template["Resources"]["Api"]["Properties"]["Body"]
    [(name, scheme)] = body["components"]["securitySchemes"].items()
    authorizer = scheme["x-amazon-apigateway-authorizer"]
    assert (authorizer["type"], authorizer["authorizerPayloadFormatVersion"]) == ("request", "2.0")
    assert authorizer["enableSimpleResponses"] is True
    assert authorizer["identitySource"] == ["$request.header.Authorization"]
    assert authorizer["authorizerResultTtlInSeconds"] == {"Ref": "AuthorizationCacheSeconds"}
    assert AUTHORIZER in json.dumps(authorizer["authorizerUri"])
    cache = template["Parameters"]["AuthorizationCacheSeconds"]
    assert (cache["MinValue"], cache["MaxValue"]) == (60, 300)
    open_paths = {
        path
        for path, methods in body["paths"].items()
        if where_deployed(where_deployed(methods)["x-amazon-apigateway-any-method"])["security"]
        != [{name: []}]
    }
    assert open_paths == {"/ready", "/", "/ui/{path+}"}


def test_every_request_is_logged_without_its_headers_and_query(template: dict[str, Any]) -> None:
    [stage] = of_type(template, "AWS::ApiGatewayV2::Stage").values()
    settings = stage["AccessLogSettings"]
    assert settings["DestinationArn"] == {"Fn::GetAtt": ["AccessLogGroup", "Arn"]}
    line = json.loads(settings["Format"])
    assert {*line.values()} == {
        f"$context.{name}"
        for name in (
            *("requestId", "requestTime", "identity.sourceIp", "httpMethod", "path", "status"),
            *(
                "responseLength",
                "responseLatency",
                "integration.status",
                "error.message",
                "integration.error",
            ),
        )
    }
    groups = of_type(template, "AWS::Logs::LogGroup")
    assert {name: group["RetentionInDays"] for name, group in groups.items()} == {
        "LogGroup": 14,
        "AccessLogGroup": 14,
    }
    guide = (REPO / "docs/deploy.md").read_text()
    for group in groups.values():
        named = group["LogGroupName"]["Fn::Sub"].replace("${AWS::StackName}", "flamehouse")
        assert f"`aws logs tail {named} --follow`" in guide


def test_failures_notify_only_the_topic_of_the_parameter(template: dict[str, Any]) -> None:
    assert template["Parameters"]["AlarmTopicArn"]["Default"] == ""
    resource = template["Resources"]["FailuresAlarm"]
    condition = template["Conditions"][resource["Condition"]]
    assert condition == {"Fn::Not": [{"Fn::Equals": [{"Ref": "AlarmTopicArn"}, ""]}]}
    alarm = resource["Properties"]
    assert (alarm["Namespace"], alarm["MetricName"], alarm["Statistic"]) == ("AWS/ApiGateway", "5xx", "Sum")
    assert alarm["Dimensions"] == [{"Name": "ApiId", "Value": {"Ref": "Api"}}]
    assert alarm["TreatMissingData"] == "notBreaching"
    assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": "AlarmTopicArn"}]


BUCKETS: Final = ("AdHocProfilesBucket", "BlobsBucket")


@pytest.mark.parametrize("name", BUCKETS)
def test_a_bucket_is_private_encrypted_and_accepts_only_tls(template: dict[str, Any], name: str) -> None:
    bucket = of_type(template, "AWS::S3::Bucket")[name]
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(bucket["PublicAccessBlockConfiguration"]) == 4
    [rule] = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    by_default = rule["ServerSideEncryptionByDefault"]
    assert by_default["SSEAlgorithm"] == {"Fn::If": ["HasKey", "aws:kms", "AES256"]}
    assert by_default["KMSMasterKeyID"]["Fn::If"][:2] == ["HasKey", {"Ref": "KmsKeyArn"}]
    policy = of_type(template, "AWS::S3::BucketPolicy")[f"{name}Policy"]
    assert policy["Bucket"] == {"Ref": name}
    [statement] = policy["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Principal"]) == ("Deny", "*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_retries_outlast_a_wake_of_ten_minutes_and_objects_outlast_the_queues(
    template: dict[str, Any],
) -> None:
    queue = of_type(template, "AWS::SQS::Queue")["BlobsQueue"]
    dead = of_type(template, "AWS::SQS::Queue")["BlobsDeadLetterQueue"]
    worker = functions(template)["WorkerFunction"]
    [source] = of_type(template, "AWS::Lambda::EventSourceMapping").values()
    assert source["EventSourceArn"] == {"Fn::GetAtt": ["BlobsQueue", "Arn"]}
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert source["ScalingConfig"] == {"MaximumConcurrency": 5}
    assert queue["VisibilityTimeout"] >= 6 * worker["Timeout"]
    redrive = queue["RedrivePolicy"]
    assert redrive["deadLetterTargetArn"] == {"Fn::GetAtt": ["BlobsDeadLetterQueue", "Arn"]}
    assert queue["VisibilityTimeout"] * (redrive["maxReceiveCount"] - 1) > 4 * 600
    days = (queue["MessageRetentionPeriod"] + dead["MessageRetentionPeriod"]) / 86_400
    bucket = of_type(template, "AWS::S3::Bucket")["BlobsBucket"]
    expiries = {
        rule.get("Prefix"): rule.get("ExpirationInDays") for rule in bucket["LifecycleConfiguration"]["Rules"]
    }
    assert expiries["staged/"] > days
    prefixes = {
        rule["Value"]
        for each in bucket["NotificationConfiguration"]["QueueConfigurations"]
        for rule in each["Filter"]["S3Key"]["Rules"]
    }
    assert prefixes == {"staged/", "drops/"}


@pytest.mark.parametrize(
    ("schedule", "function", "role", "parameter", "condition"),
    [
        ("Drain", "DrainFunction", "DrainRole", "DrainSchedule", "OnSchedule"),
        ("QrynInput", "QrynInputFunction", "QrynScheduleRole", "QrynInputSchedule", "ReadsQrynInput"),
    ],
)
def test_a_configured_schedule_invokes_its_function(
    template: dict[str, Any], schedule: str, function: str, role: str, parameter: str, condition: str
) -> None:
    scheduled = {"Fn::Not": [{"Fn::Equals": [{"Ref": parameter}, ""]}]}
    assert template["Conditions"][condition] == scheduled
    assert template["Parameters"][parameter]["Default"] == ""
    for name in (function, schedule, role):
        assert template["Resources"][name]["Condition"] == condition
    found = of_type(template, "AWS::Scheduler::Schedule")[schedule]
    arn = {"Fn::GetAtt": [function, "Arn"]}
    assert found["ScheduleExpression"] == {"Ref": parameter}
    assert found["FlexibleTimeWindow"] == {"Mode": "OFF"}
    assert (found["Target"]["Arn"], found["Target"]["RoleArn"]) == (arn, {"Fn::GetAtt": [role, "Arn"]})
    assert json.loads(found["Target"]["Input"]) == json.loads((REPO / "events/schedule.json").read_text())
    [policy] = of_type(template, "AWS::IAM::Role")[role]["Policies"]
    [statement] = policy["PolicyDocument"]["Statement"]
    assert (statement["Action"], statement["Resource"]) == ("lambda:InvokeFunction", arn)


def test_a_schedule_replaces_the_event_source(template: dict[str, Any]) -> None:
    [source] = of_type(template, "AWS::Lambda::EventSourceMapping").values()
    assert source["Enabled"] == {"Fn::If": ["OnSchedule", False, True]}
    environment = functions(template)["DrainFunction"]["Environment"]["Variables"]
    assert environment["BLOBS_QUEUE_URL"] == {"Ref": "BlobsQueue"}
    age = of_type(template, "AWS::CloudWatch::Alarm")["QueueAgeAlarm"]["Threshold"]
    assert age == {"Fn::If": ["OnSchedule", 90_000, 900]}


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        ("", True),
        ("rate(30 minutes)", True),
        ("cron(0/30 * * * ? *)", True),
        ("cron(15 6 ? * MON-FRI *)", True),
        ("30 minutes", False),
        ("at(2026-11-29T06:00:00)", False),
        ("rate(30 minutes) ", False),
    ],
)
def test_a_schedule_is_a_recurring_expression(
    template: dict[str, Any], expression: str, allowed: bool
) -> None:
    for name in ("DrainSchedule", "MaintainSchedule", "QrynInputSchedule"):
        pattern = template["Parameters"][name]["AllowedPattern"]
        assert bool(re.fullmatch(pattern, expression)) == allowed


def test_a_schedule_runs_maintenance(template: dict[str, Any]) -> None:
    for name in ("MaintainFunction", "MaintainRole", "Maintain", "MaintainScheduleRole"):
        assert template["Resources"][name]["Condition"] == "MaintainsOnSchedule"
    schedule = of_type(template, "AWS::Scheduler::Schedule")["Maintain"]
    assert schedule["ScheduleExpression"] == {"Ref": "MaintainSchedule"}
    assert (schedule["Target"]["Arn"], schedule["Target"]["RoleArn"]) == (
        {"Fn::GetAtt": ["MaintainFunction", "Arn"]},
        {"Fn::GetAtt": ["MaintainScheduleRole", "Arn"]},
    )


def test_a_scheduled_function_that_fails_or_does_not_run_raises_an_alarm(template: dict[str, Any]) -> None:
    watched: dict[str, set[str]] = {}
    for alarm in of_type(template, "AWS::CloudWatch::Alarm").values():
        for dimension in alarm.get("Dimensions", ()):
            if dimension["Name"] == "FunctionName":
                watched.setdefault(dimension["Value"]["Ref"], set()).add(alarm["MetricName"])
    schedules = of_type(template, "AWS::Scheduler::Schedule").values()
    scheduled = {each["Target"]["Arn"]["Fn::GetAtt"][0] for each in schedules}
    # The age of the queue shows that nothing drains it.
    assert "Errors" in watched["DrainFunction"]
    assert "QrynInputFunction" in scheduled
    for function in scheduled - {"DrainFunction"}:
        assert {"Errors", "Invocations"} <= watched[function], function


def test_only_buckets_of_this_account_send_messages(template: dict[str, Any]) -> None:
    [policy] = of_type(template, "AWS::SQS::QueuePolicy").values()
    [statement] = policy["PolicyDocument"]["Statement"]
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    assert statement["Principal"] == {"Service": "s3.amazonaws.com"}
    assert (statement["Action"], statement["Resource"]) == (
        "sqs:SendMessage",
        {"Fn::GetAtt": ["BlobsQueue", "Arn"]},
    )


def test_lost_uploads_and_dead_letters_raise_alarms(template: dict[str, Any]) -> None:
    alarms = of_type(template, "AWS::CloudWatch::Alarm")
    names = {str(each["MetricName"]) for each in alarms.values()}
    assert {"staged_upload_missing", "ApproximateNumberOfMessagesVisible"} <= names
    for name, each in alarms.items():
        if name not in ROLLOUT_ALARMS:
            assert each["AlarmActions"] == each["OKActions"] == [{"Ref": "AlarmTopicArn"}]


def test_the_bucket_of_ad_hoc_profiles_expires_with_the_retention(template: dict[str, Any]) -> None:
    bucket = of_type(template, "AWS::S3::Bucket")["AdHocProfilesBucket"]
    condition, expires, _ = bucket["LifecycleConfiguration"]["Fn::If"]
    assert template["Conditions"][condition] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "RetentionDays"}, 0]}]}
    [rule] = expires["Rules"]
    assert (rule["Status"], rule["ExpirationInDays"]) == ("Enabled", {"Ref": "RetentionDays"})


def test_the_buckets_and_their_policies_outlive_the_stack(template: dict[str, Any]) -> None:
    for name in (*BUCKETS, *(f"{bucket}Policy" for bucket in BUCKETS)):
        kept = template["Resources"][name]
        assert (kept["DeletionPolicy"], kept["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")


def test_the_gateway_may_call_each_function_and_only_this_gateway(template: dict[str, Any]) -> None:
    permissions = of_type(template, "AWS::Lambda::Permission").values()
    called = {permission["FunctionName"]["Ref"] for permission in permissions}
    assert called == {f"{function}Aliaslive" for function in FUNCTIONS.keys() - QUEUED}
    for permission in permissions:
        assert permission["Principal"] == "apigateway.amazonaws.com"
        assert '{"Ref": "Api"}' in json.dumps(permission["SourceArn"])
