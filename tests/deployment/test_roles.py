"""The roles of the template: what each function may do, and which secret it reads."""

import json
import re
from typing import Any, Final

from flamehouse.blobs.keys import QUOTAS
from flamehouse.identity.document import CredentialDocument
from tests.support.queries.rpcs import resources_of
from tests.support.servers.bundle import FUNCTIONS
from tests.support.servers.template import AUTHORIZER, QUEUED, ROLLOUT_ALARMS, functions, of_type

UPLOADS: Final = {"AnyPathFunction", "DrainFunction", "IngestFunction", "WorkerFunction"}
"""The functions that receive or store uploads."""


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


def without_keys(resource: Any) -> Any:
    """Returns the resource without the `*` that matches all objects of a bucket or prefix."""
    match resource:
        case {"Fn::Sub": str(text)}:
            return re.sub(r"^(\$\{\w+Bucket\.Arn\}/([a-z]+/)?)\*$", r"\1", text)
        case list():
            return [without_keys(each) for each in resource]
        case _:
            return resource


def test_policies_name_the_actions_and_resources_they_allow(template: dict[str, Any]) -> None:
    roles = of_type(template, "AWS::IAM::Role")
    assert {json.dumps(properties["Role"]) for properties in functions(template).values()} == {
        json.dumps({"Fn::GetAtt": [role, "Arn"]})
        for role in roles.keys()
        - {"DrainRole", "MaintainScheduleRole", "QrynScheduleRole"}  # of the schedules
        - {"RolloutRole"}
    }
    for role in roles.values():
        for policy in role["Policies"]:
            for statement in policy["PolicyDocument"]["Statement"]:
                assert "*" not in json.dumps([statement["Action"], without_keys(statement["Resource"])])
                assert not {"NotAction", "NotResource"} & statement.keys()


def test_only_the_function_of_ad_hoc_profiles_reaches_their_bucket(template: dict[str, Any]) -> None:
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
    "MaintainRole": "ClickHouseMaintainSecretArn",
    "QrynInputRole": "ClickHouseIngestSecretArn",
    "AnyPathRole": "",
    "SettingsRole": "",
}
"""The secret that each role reads instead of the default one."""


def secret_of(value: dict[str, Any]) -> str:
    """Returns the parameter that names a secret; empty for the secret of the user `admin`."""
    if value == {"Ref": "ClickHouseSecretArn"}:
        return ""
    _, own, otherwise = value["Fn::If"]
    assert secret_of(otherwise) == ("ClickHouseIngestSecretArn" if "Maintain" in own["Ref"] else "")
    return str(own["Ref"])


def test_each_function_reads_only_its_own_secret(template: dict[str, Any]) -> None:
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


def allowed(template: dict[str, Any], role: str) -> set[tuple[str, str]]:
    """Returns the actions of a role by resource, except those on logs and secrets."""
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


def test_each_role_has_only_the_permissions_it_needs_on_blobs_and_queues(template: dict[str, Any]) -> None:
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
    # An object that the worker puts under a prefix with notifications would invoke it again, endlessly.
    assert {resource for action, resource in blobs if action == "s3:PutObject"} == {
        "${BlobsBucket.Arn}/quarantine/*"
    }
    roles = {name: each["Role"]["Fn::GetAtt"][0] for name, each in functions(template).items()}
    assert {
        name for name, role in roles.items() if role in {"IngestRole", "AnyPathRole", "WorkerRole"}
    } == UPLOADS
    for name, each in functions(template).items():
        assert ("INGEST_MODE" in each["Environment"]["Variables"]) == (name in UPLOADS)


def test_functions_that_store_uploads_retain_them_as_long_as_profiles(
    template: dict[str, Any],
) -> None:
    policy = template["Resources"]["KeepBlobsPolicy"]
    assert template["Conditions"][policy["Condition"]] == {"Fn::Equals": [{"Ref": "KeepBlobs"}, "true"]}
    assert template["Parameters"]["KeepBlobs"]["Default"] == "false"
    roles = {each["Ref"] for each in policy["Properties"]["Roles"]}
    assert {
        name for name, each in functions(template).items() if each["Role"]["Fn::GetAtt"][0] in roles
    } == UPLOADS
    [statement] = policy["Properties"]["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Action"], statement["Resource"]) == (
        "Allow",
        "s3:PutObject",
        {"Fn::Sub": "${BlobsBucket.Arn}/kept/*"},
    )
    for name, each in functions(template).items():
        assert ("KEEP_BLOBS" in each["Environment"]["Variables"]) == (name in UPLOADS)
    rule = rules_with_a_condition(template)["Expires"]
    assert (rule["Prefix"], rule["ExpirationInDays"]) == ("kept/", {"Ref": "RetentionDays"})


def rules_with_a_condition(template: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Returns the blob bucket's lifecycle rules that depend on a condition, by the condition's name."""
    rules = of_type(template, "AWS::S3::Bucket")["BlobsBucket"]["LifecycleConfiguration"]["Rules"]
    return {rule["Fn::If"][0]: rule["Fn::If"][1] for rule in rules if "Fn::If" in rule}


def test_functions_may_drop_only_their_own_profiles_and_only_for_the_configured_tenant(
    template: dict[str, Any],
) -> None:
    assert template["Parameters"]["SelfProfile"]["Default"] == ""
    off = {"Fn::Equals": [{"Ref": "SelfProfile"}, ""]}
    assert template["Conditions"]["ProfilesItself"] == {"Fn::Not": [off]}
    policy = template["Resources"]["SelfProfilePolicy"]
    assert policy["Condition"] == "ProfilesItself"
    [statement] = policy["Properties"]["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Action"], statement["Resource"]) == (
        "Allow",
        "s3:PutObject",
        {"Fn::Sub": "${BlobsBucket.Arn}/drops/${SelfProfile}/flamehouse/*"},
    )
    rule = rules_with_a_condition(template)["ProfilesItself"]
    assert rule["Prefix"] == {"Fn::Sub": "drops/${SelfProfile}/flamehouse/"}
    assert rule["ExpirationInDays"] > 28  # two queues of 14 days
    # Only functions behind the API: a profile that the worker dropped of itself would invoke it again.
    roles = {each["Ref"] for each in policy["Properties"]["Roles"]}
    behind_the_api = FUNCTIONS.keys() - QUEUED - {AUTHORIZER}
    assert {
        name for name, each in functions(template).items() if each["Role"]["Fn::GetAtt"][0] in roles
    } == behind_the_api
    with_key = template["Resources"]["SelfProfileKeyPolicy"]
    others = template["Resources"]["NewObjectsKeyPolicy"]["Properties"]["Roles"]
    assert {each["Ref"] for each in [*with_key["Properties"]["Roles"], *others]} >= roles
    [statement] = with_key["Properties"]["PolicyDocument"]["Statement"]
    assert (statement["Action"], statement["Resource"]) == ("kms:GenerateDataKey", {"Ref": "KmsKeyArn"})


def test_the_worker_publishes_the_limits_that_uploads_read(template: dict[str, Any]) -> None:
    policies = of_type(template, "AWS::IAM::Policy")
    granted = {
        name: (
            {role["Ref"] for role in policies[name]["Roles"]},
            {
                action
                for statement in policies[name]["PolicyDocument"]["Statement"]
                for action in (
                    statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
                )
                if statement["Resource"] == {"Fn::Sub": f"${{BlobsBucket.Arn}}/{QUOTAS}"}
            },
        )
        for name in ("ReadQuotasPolicy", "PublishQuotasPolicy")
    }
    assert granted == {
        "ReadQuotasPolicy": ({"IngestRole", "AnyPathRole"}, {"s3:GetObject"}),
        "PublishQuotasPolicy": ({"WorkerRole"}, {"s3:GetObject", "s3:PutObject"}),
    }


def test_no_role_has_a_wildcard_as_an_action_or_a_resource(template: dict[str, Any]) -> None:
    roles = of_type(template, "AWS::IAM::Role")
    in_vpc = {"Fn::If": ["InVpc", [{"Ref": "NetworkPolicyArn"}], {"Ref": "AWS::NoValue"}]}
    of_functions = {properties["Role"]["Fn::GetAtt"][0] for properties in functions(template).values()}
    assert {name for name, role in roles.items() if role.get("ManagedPolicyArns") == in_vpc} == of_functions
    assert {name for name, role in roles.items() if "ManagedPolicyArns" in role} == of_functions
    granted = [
        statement
        for role in roles.values()
        for policy in role["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow"
    ]
    granted += [
        statement
        for policy in of_type(template, "AWS::IAM::Policy").values()
        for statement in policy["PolicyDocument"]["Statement"]
    ]
    assert granted
    for statement in granted:
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        assert not [action for action in actions if "*" in action]
        named = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
        assert all(is_of_this_deployment(each) for each in named), statement


def is_of_this_deployment(resource: str | dict[str, Any]) -> bool:
    """Reports whether the template or a parameter names the resource, or the bucket that contains it."""
    if isinstance(resource, str):
        return False
    if "Fn::If" in resource and resource["Fn::If"][2] == {"Ref": "AWS::NoValue"}:
        return is_of_this_deployment(resource["Fn::If"][1])
    text = resource.get("Fn::Sub", "")
    return "*" not in text or re.fullmatch(r"\$\{\w+\.Arn\}/(([\w-]+|\$\{\w+\})/)*\*", text) is not None


def test_codedeploy_may_only_move_the_aliases_and_read_the_alarms_of_a_rollout(
    template: dict[str, Any],
) -> None:
    role = of_type(template, "AWS::IAM::Role")["RolloutRole"]
    [trusted] = role["AssumeRolePolicyDocument"]["Statement"]
    assert trusted["Principal"] == {"Service": "codedeploy.amazonaws.com"}
    [policy] = role["Policies"]
    [statement] = policy["PolicyDocument"]["Statement"]
    assert {action.partition(":")[0] for action in statement["Action"]} == {"lambda"}
    aliases = of_type(template, "AWS::Lambda::Alias").values()
    named = {alias["FunctionName"]["Ref"] for alias in aliases}
    assert {alias["Name"] for alias in aliases} == {"live"}
    assert {*re.findall(r'\["(\w+)", "Arn"\]', json.dumps(statement["Resource"]))} == named
    assert {*re.findall(r"\{(\w+)\.Arn\}:live", json.dumps(statement["Resource"]))} == named
    reads = template["Resources"]["RolloutAlarmsPolicy"]
    assert reads["Condition"] == "RollsOut"
    assert reads["Properties"]["Roles"] == [{"Ref": "RolloutRole"}]
    [statement] = reads["Properties"]["PolicyDocument"]["Statement"]
    assert statement["Action"] == "cloudwatch:DescribeAlarms"
    assert {each["Fn::GetAtt"][0] for each in statement["Resource"]} == ROLLOUT_ALARMS


def test_only_roles_that_read_or_write_secrets_or_objects_may_use_the_key(template: dict[str, Any]) -> None:
    decrypt, encrypt = (template["Resources"][name] for name in ("KeyPolicy", "NewObjectsKeyPolicy"))
    of_schedules = {"MaintainRole": "MaintainsOnSchedule", "QrynInputRole": "ReadsQrynInput"}
    named = {
        each["Ref"] if "Ref" in each else each["Fn::If"][1]["Ref"] for each in decrypt["Properties"]["Roles"]
    }
    assert named == {*SECRETS, "AuthorizerRole", "AdHocProfilesRole"}
    for role, condition in of_schedules.items():
        only = {"Fn::If": [condition, {"Ref": role}, {"Ref": "AWS::NoValue"}]}
        assert only in decrypt["Properties"]["Roles"]
    puts = {
        name
        for name, role in of_type(template, "AWS::IAM::Role").items()
        if "s3:PutObject" in json.dumps(role)
    }
    assert {each["Ref"] for each in encrypt["Properties"]["Roles"]} == puts
    for policy, action in ((decrypt, "kms:Decrypt"), (encrypt, "kms:GenerateDataKey")):
        assert policy["Condition"] == "HasKey"
        [statement] = policy["Properties"]["PolicyDocument"]["Statement"]
        assert (statement["Action"], statement["Resource"]) == (action, {"Ref": "KmsKeyArn"})


def test_every_function_has_a_role_of_the_template(template: dict[str, Any]) -> None:
    roles = of_type(template, "AWS::IAM::Role")
    written = {*resources_of("AWS::IAM::Role")}
    assert roles.keys() == written
    for properties in functions(template).values():
        assert properties["Role"]["Fn::GetAtt"][0] in written
