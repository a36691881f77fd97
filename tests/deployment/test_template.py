"""template.yaml, as CloudFormation is handed it once its SAM resources are written out."""

import base64
import json
import re
import subprocess
import tomllib
from typing import Any, Final

import pytest
import yaml

from all_in_one import create_app
from bench.budget import budget_of
from flamehouse.identity.credentials import SharedCredential
from flamehouse.identity.document import CredentialDocument
from flamehouse.services import Services
from flamehouse.settings import Settings
from tests.support.queries.rpcs import handled, resources_of, routes_of
from tests.support.servers.apps import request
from tests.support.servers.bundle import FUNCTIONS, built
from tests.support.servers.doubles import CannedStore
from tests.support.servers.place import REPO

pytestmark = pytest.mark.xdist_group("template")

type Resource = dict[str, Any]
AUTHORIZER = "AuthorizerFunction"
TIMEOUTS: Final = {"WorkerFunction": 60, AUTHORIZER: 9}
"""Of functions that a queue or the gateway waits for, and not a client."""

QUEUED: Final = {"WorkerFunction": "ingest.worker.handler"}
"""The functions that no route leads to."""
UPLOADS: Final = {"AnyPathFunction", "IngestFunction", "WorkerFunction"}
"""The functions that take uploads or store them."""


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    built()
    python = REPO / ".sam-venv/bin/python"
    script = REPO / "tests/support/servers/transformed.py"
    run = subprocess.run([python, script, REPO / "template.yaml"], capture_output=True, text=True, check=True)
    transformed: dict[str, Any] = json.loads(run.stdout)
    return transformed


def of_type(template: dict[str, Any], type_: str) -> dict[str, Resource]:
    """The properties of each resource of a type, by its name."""
    resources = template["Resources"].items()
    return {name: resource["Properties"] for name, resource in resources if resource["Type"] == type_}


def functions(template: dict[str, Any]) -> dict[str, Resource]:
    return of_type(template, "AWS::Lambda::Function")


def where_deployed(part: dict[str, Any]) -> dict[str, Any]:
    """The part of a template that holds if its condition does: a function on a condition has its routes on it."""
    chosen: dict[str, Any] = part["Fn::If"][1] if "Fn::If" in part else part
    return chosen


def routed(template: dict[str, Any]) -> dict[str, set[str]]:
    """The paths that lead to each handler; `$default` stands for all that no other route takes."""
    handlers = {name: properties["Handler"] for name, properties in functions(template).items()}
    paths: dict[str, set[str]] = {handler: set() for handler in handlers.values()}
    for path, methods in template["Resources"]["Api"]["Properties"]["Body"]["paths"].items():
        found = where_deployed(methods)
        assert found.keys() == {"x-amazon-apigateway-any-method"}
        method = where_deployed(found["x-amazon-apigateway-any-method"])
        integration = method["x-amazon-apigateway-integration"]
        assert (integration["type"], integration["payloadFormatVersion"]) == ("aws_proxy", "2.0")
        function = re.search(
            r"functions/\$\{(\w+)\.Arn\}/invocations", where_deployed(integration["uri"])["Fn::Sub"]
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


def test_the_gateway_takes_so_many_requests_and_no_more(template: dict[str, Any]) -> None:
    [stage] = of_type(template, "AWS::ApiGatewayV2::Stage").values()
    limit = {"Ref": "RequestsPerSecond"}
    assert stage["DefaultRouteSettings"] == {"ThrottlingRateLimit": limit, "ThrottlingBurstLimit": limit}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_runs_on_what_was_tested_and_ends_before_the_gateway_does(
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
def test_a_functions_environment_is_settings_it_reads(template: dict[str, Any], function: str) -> None:
    environment = functions(template)[function]["Environment"]["Variables"]
    assert {name.lower() for name in environment} <= set(Settings.__dataclass_fields__)
    assert [name for name in environment if "CREDENTIAL" in name] == (
        ["CREDENTIALS_SECRET_ARN"] if function == AUTHORIZER else []
    )
    assert environment["PATH_PREFIX"] == {"Ref": "PathPrefix"}


def test_every_route_has_the_authorizer_but_readiness_and_the_web_page(template: dict[str, Any]) -> None:
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


def test_the_authorizer_alone_reads_the_credentials_which_are_empty_at_first(
    template: dict[str, Any],
) -> None:
    [(name, secret)] = of_type(template, "AWS::SecretsManager::Secret").items()
    assert CredentialDocument.parse(secret["SecretString"]).credentials == {}
    roles = of_type(template, "AWS::IAM::Role")
    assert [role for role, each in roles.items() if name in json.dumps(each)] == ["AuthorizerRole"]
    own = {"Fn::GetAtt": ["AuthorizerRole", "Arn"]}
    assert [each for each, properties in functions(template).items() if properties["Role"] == own] == [
        AUTHORIZER
    ]


def test_the_guide_explains_every_parameter(template: dict[str, Any]) -> None:
    guide = (REPO / "docs/deploy.md").read_text()
    # SAM writes the parameters in an order of its own.
    assert sorted(re.findall(r"^\| `([A-Z]\w+)` \|", guide, re.MULTILINE)) == sorted(template["Parameters"])


def without_keys(resource: Any) -> Any:
    """The resource, without the star for all objects of a bucket or prefix."""
    match resource:
        case {"Fn::Sub": str(text)}:
            return re.sub(r"^(\$\{\w+Bucket\.Arn\}/([a-z]+/)?)\*$", r"\1", text)
        case list():
            return [without_keys(each) for each in resource]
        case _:
            return resource


def test_policies_name_what_they_allow(template: dict[str, Any]) -> None:
    roles = of_type(template, "AWS::IAM::Role")
    assert {json.dumps(properties["Role"]) for properties in functions(template).values()} == {
        json.dumps({"Fn::GetAtt": [role, "Arn"]}) for role in roles
    }
    for role in roles.values():
        assert "ManagedPolicyArns" not in role
        for policy in role["Policies"]:
            for statement in policy["PolicyDocument"]["Statement"]:
                assert "*" not in json.dumps([statement["Action"], without_keys(statement["Resource"])])
                assert not {"NotAction", "NotResource"} & statement.keys()


def test_files_are_reached_by_their_function_alone(template: dict[str, Any]) -> None:
    own = {"Fn::GetAtt": ["AdHocProfilesRole", "Arn"]}
    assert [name for name, each in functions(template).items() if each["Role"] == own] == [
        "AdHocProfilesFunction"
    ]
    for name, role in of_type(template, "AWS::IAM::Role").items():
        assert ("AdHocProfilesBucket" in json.dumps(role)) == (name == "AdHocProfilesRole")


SECRETS: Final = {
    "FunctionRole": "ClickHouseQuerySecretArn",
    "IngestRole": "ClickHouseIngestSecretArn",
    "WorkerRole": "ClickHouseIngestSecretArn",
    "AnyPathRole": "",
    "SettingsRole": "",
}
"""The secret that each role reads, in the place of the one that is always there."""


def secret_of(value: dict[str, Any]) -> str:
    """The parameter that names a secret; empty for the one of the user `admin`."""
    if value == {"Ref": "ClickHouseSecretArn"}:
        return ""
    _, own, otherwise = value["Fn::If"]
    assert otherwise == {"Ref": "ClickHouseSecretArn"}
    return str(own["Ref"])


def test_each_function_reads_the_secret_that_it_is_given_and_no_other(template: dict[str, Any]) -> None:
    read = {
        name: secret_of(statement["Resource"])
        for name, role in of_type(template, "AWS::IAM::Role").items()
        for policy in role["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Action"] == "secretsmanager:GetSecretValue" and name != "AuthorizerRole"
    }
    assert read == SECRETS
    roles = {name: each["Role"]["Fn::GetAtt"][0] for name, each in functions(template).items()}
    assert {name for name, role in roles.items() if role not in read} == {
        "AboutFunction",
        "AdHocProfilesFunction",
        AUTHORIZER,
        "UiFunction",
    }
    for name, role in roles.items():
        if role in read:
            given = functions(template)[name]["Environment"]["Variables"]["CLICKHOUSE_SECRET_ARN"]
            assert secret_of(given) == read[role]


def test_every_request_has_a_line_without_its_headers_and_query(template: dict[str, Any]) -> None:
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


def test_failures_are_told_to_the_topic_that_is_named_and_to_nobody_else(template: dict[str, Any]) -> None:
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
def test_a_bucket_is_private_encrypted_and_takes_tls_alone(template: dict[str, Any], name: str) -> None:
    bucket = of_type(template, "AWS::S3::Bucket")[name]
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(bucket["PublicAccessBlockConfiguration"]) == 4
    assert "AES256" in json.dumps(bucket["BucketEncryption"])
    policy = of_type(template, "AWS::S3::BucketPolicy")[f"{name}Policy"]
    assert policy["Bucket"] == {"Ref": name}
    [statement] = policy["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Principal"]) == ("Deny", "*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def allowed(template: dict[str, Any], role: str) -> set[tuple[str, str]]:
    """What a role may do to which resource, those of logs and secrets aside."""
    statements = [
        statement
        for policy in of_type(template, "AWS::IAM::Role")[role]["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
    ]
    pairs = set()
    for statement in statements:
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        resource = statement["Resource"]
        named = resource.get("Fn::Sub") or resource.get("Fn::GetAtt", [""])[0]
        pairs |= {(action, named) for action in actions if action.startswith(("s3:", "sqs:"))}
    return pairs


def test_each_role_can_do_to_blobs_and_queues_what_it_needs_and_no_more(template: dict[str, Any]) -> None:
    assert allowed(template, "FunctionRole") == allowed(template, "AboutRole") == set()
    assert allowed(template, "SettingsRole") == set()
    assert (
        allowed(template, "IngestRole")
        == allowed(template, "AnyPathRole")
        == {("s3:PutObject", "${BlobsBucket.Arn}/staged/*")}
    )
    blobs = {
        (action, resource) for action, resource in allowed(template, "WorkerRole") if "Blobs" in resource
    }
    assert blobs >= {
        ("s3:GetObject", "${BlobsBucket.Arn}/staged/*"),
        ("s3:DeleteObject", "${BlobsBucket.Arn}/staged/*"),
        ("s3:GetObject", "${BlobsBucket.Arn}/drops/*"),
        ("s3:DeleteObject", "${BlobsBucket.Arn}/drops/*"),
        ("s3:GetObject", "${BlobsBucket.Arn}/quarantine/*"),
        ("s3:PutObject", "${BlobsBucket.Arn}/quarantine/*"),
        ("s3:ListBucket", "BlobsBucket"),
        ("sqs:ReceiveMessage", "BlobsQueue"),
        ("sqs:DeleteMessage", "BlobsQueue"),
        ("sqs:GetQueueAttributes", "BlobsQueue"),
    }
    # An object that the worker puts where it is notified of objects would call it again, without end.
    assert {resource for action, resource in blobs if action == "s3:PutObject"} == {
        "${BlobsBucket.Arn}/quarantine/*"
    }
    roles = {name: each["Role"]["Fn::GetAtt"][0] for name, each in functions(template).items()}
    assert {
        name for name, role in roles.items() if role in {"IngestRole", "AnyPathRole", "WorkerRole"}
    } == UPLOADS
    for name, each in functions(template).items():
        assert ("INGEST_MODE" in each["Environment"]["Variables"]) == (name in UPLOADS)


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


def test_no_role_has_a_wildcard_as_an_action_or_a_resource(template: dict[str, Any]) -> None:
    roles = of_type(template, "AWS::IAM::Role")
    assert not [name for name, role in roles.items() if role.get("ManagedPolicyArns")]
    granted = [
        statement
        for role in roles.values()
        for policy in role["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow"
    ]
    assert granted
    for statement in granted:
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        assert not [action for action in actions if "*" in action]
        named = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
        assert all(is_of_this_deployment(each) for each in named), statement


def is_of_this_deployment(resource: str | dict[str, Any]) -> bool:
    """Whether a resource is one that the template or a parameter names, or lies in such a bucket."""
    if isinstance(resource, str):
        return False
    text = resource.get("Fn::Sub", "")
    return "*" not in text or re.fullmatch(r"\$\{\w+\.Arn\}/([\w-]+/)?\*", text) is not None


def test_every_function_has_a_role_of_the_template(template: dict[str, Any]) -> None:
    roles = of_type(template, "AWS::IAM::Role")
    written = {*resources_of("AWS::IAM::Role")}
    assert roles.keys() == written
    for properties in functions(template).values():
        assert properties["Role"]["Fn::GetAtt"][0] in written


def test_buckets_of_this_account_alone_send_messages(template: dict[str, Any]) -> None:
    [policy] = of_type(template, "AWS::SQS::QueuePolicy").values()
    [statement] = policy["PolicyDocument"]["Statement"]
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    assert statement["Principal"] == {"Service": "s3.amazonaws.com"}
    assert (statement["Action"], statement["Resource"]) == (
        "sqs:SendMessage",
        {"Fn::GetAtt": ["BlobsQueue", "Arn"]},
    )


def test_lost_uploads_and_dead_letters_are_alarms(template: dict[str, Any]) -> None:
    alarms = of_type(template, "AWS::CloudWatch::Alarm")
    names = {str(each["MetricName"]) for each in alarms.values()}
    assert {"flamehouse_staged_uploads_missing_total", "ApproximateNumberOfMessagesVisible"} <= names
    for each in alarms.values():
        assert each["AlarmActions"] == each["OKActions"] == [{"Ref": "AlarmTopicArn"}]


def test_the_bucket_of_ad_hoc_profiles_expires_with_the_retention(template: dict[str, Any]) -> None:
    bucket = of_type(template, "AWS::S3::Bucket")["AdHocProfilesBucket"]
    condition, expires, _ = bucket["LifecycleConfiguration"]["Fn::If"]
    assert template["Conditions"][condition] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "RetentionDays"}, 0]}]}
    [rule] = expires["Rules"]
    assert (rule["Status"], rule["ExpirationInDays"]) == ("Enabled", {"Ref": "RetentionDays"})


def test_the_buckets_stay_with_their_policies_where_the_stack_is_deleted(template: dict[str, Any]) -> None:
    for name in (*BUCKETS, *(f"{bucket}Policy" for bucket in BUCKETS)):
        kept = template["Resources"][name]
        assert (kept["DeletionPolicy"], kept["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")


def test_the_gateway_may_call_each_function_and_only_this_gateway(template: dict[str, Any]) -> None:
    permissions = of_type(template, "AWS::Lambda::Permission").values()
    called = {permission["FunctionName"].get("Ref", AUTHORIZER) for permission in permissions}
    assert called == FUNCTIONS.keys() - QUEUED
    for permission in permissions:
        assert permission["Principal"] == "apigateway.amazonaws.com"
        assert '{"Ref": "Api"}' in json.dumps(permission["SourceArn"])


def test_the_guide_names_every_output(template: dict[str, Any]) -> None:
    guide = (REPO / "docs/deploy.md").read_text()
    assert [name for name in template["Outputs"] if f"`{name}`" not in guide] == []
    assert template["Outputs"]["AdHocProfilesBucket"]["Value"] == {"Ref": "AdHocProfilesBucket"}


def test_the_data_source_is_a_file_that_grafana_reads(template: dict[str, Any]) -> None:
    outputs = template["Outputs"]
    [source] = yaml.safe_load(outputs["GrafanaDataSource"]["Value"]["Fn::Sub"])["datasources"]
    assert (source["type"], source["url"]) == (
        "grafana-pyroscope-datasource",
        outputs["Url"]["Value"]["Fn::Sub"],
    )
    assert (source["basicAuth"], source["secureJsonData"]) == (True, {"basicAuthPassword": "CREDENTIAL"})


def test_the_curl_line_sends_a_profile_that_is_taken(template: dict[str, Any]) -> None:
    line = template["Outputs"]["FirstProfile"]["Value"]["Fn::Sub"]
    found = re.fullmatch(
        r"curl --fail --user 'flamehouse:CREDENTIAL' --data-binary '(.+)' "
        r"'https://\$\{Api\}\S+\$\{AWS::URLSuffix\}(/\S+)'",
        line,
    )
    assert found
    store = CannedStore()
    services = Services(settings=Settings(), store=store)
    app = create_app(lambda: services, credentials=SharedCredential(credential="CREDENTIAL"))
    authorization = f"Basic {base64.b64encode(b'flamehouse:CREDENTIAL').decode()}"
    content_type = "application/x-www-form-urlencoded"
    response = request(
        app,
        found[2],
        found[1],
        content_type=content_type,
        headers={"Authorization": authorization},
    )
    assert (response.status_code, [asked[0] for asked in store.asked]) == (200, ["insert"])


@pytest.mark.parametrize("profile", ["trial", "production"])
def test_a_profile_of_samconfig_sets_parameters_that_exist(template: dict[str, Any], profile: str) -> None:
    deploy = tomllib.loads((REPO / "samconfig.toml").read_text())[profile]["deploy"]["parameters"]
    for override in deploy["parameter_overrides"].split():
        name, _, value = override.partition("=")
        parameter = template["Parameters"][name]
        assert value in parameter.get("AllowedValues", [value])
        if parameter["Type"] == "Number":
            assert parameter["MinValue"] <= int(value) <= parameter["MaxValue"]
