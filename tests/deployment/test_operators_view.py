"""What an operator reads: the parameters and outputs of the template, the guide and samconfig.toml."""

import base64
import re
import tomllib
from typing import Any

import pytest
import yaml

from all_in_one import create_app
from flamehouse.identity.credentials import SharedCredential
from flamehouse.services import Services
from flamehouse.settings import Settings
from tests.support.servers.apps import request
from tests.support.servers.doubles import CannedStore
from tests.support.servers.place import REPO


def test_the_guide_explains_every_parameter(template: dict[str, Any]) -> None:
    guide = (REPO / "docs/deploy.md").read_text()
    # A row may explain several parameters. SAM reorders them.
    cells = re.findall(r"^\| (`[A-Z]\w+`(?:, `\w+`)*) \|", guide, re.MULTILINE)
    assert sorted(re.findall(r"\w+", " ".join(cells))) == sorted(template["Parameters"])


def test_the_guide_names_every_output(template: dict[str, Any]) -> None:
    guide = (REPO / "docs/deploy.md").read_text()
    assert [name for name in template["Outputs"] if f"`{name}`" not in guide] == []
    assert template["Outputs"]["AdHocProfilesBucket"]["Value"] == {"Ref": "AdHocProfilesBucket"}


def test_the_data_source_file_is_valid_for_grafana(template: dict[str, Any]) -> None:
    outputs = template["Outputs"]
    [source] = yaml.safe_load(outputs["GrafanaDataSource"]["Value"]["Fn::Sub"])["datasources"]
    assert (source["type"], source["url"]) == (
        "grafana-pyroscope-datasource",
        outputs["Url"]["Value"]["Fn::Sub"],
    )
    assert (source["basicAuth"], source["secureJsonData"]) == (True, {"basicAuthPassword": "CREDENTIAL"})


def test_the_curl_command_sends_a_profile_that_is_accepted(template: dict[str, Any]) -> None:
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
    assert (response.status_code, [query[0] for query in store.calls]) == (200, ["insert"])


@pytest.mark.parametrize("profile", ["trial", "production"])
def test_a_samconfig_profile_sets_only_parameters_that_exist(template: dict[str, Any], profile: str) -> None:
    deploy = tomllib.loads((REPO / "samconfig.toml").read_text())[profile]["deploy"]["parameters"]
    for override in deploy["parameter_overrides"].split():
        name, _, value = override.partition("=")
        parameter = template["Parameters"][name]
        assert value in parameter.get("AllowedValues", [value])
        if parameter["Type"] == "Number":
            assert parameter["MinValue"] <= int(value) <= parameter["MaxValue"]
