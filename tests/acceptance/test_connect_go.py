"""A third-party client: connect-go, with code generated from Pyroscope's own API (connect_go/)."""

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import pytest

from flamehouse.pb import profile_pb2
from tests.support.queries.shop_data import CART, CART_TOTAL, SHOP, SHOP_TOTAL, SPAN, SPAN_TOTAL, Target
from tests.support.uploads.profiles import CPU, Sample, labels_of, pprof_of
from tools.live import UnfetchedError, fetch_with

SOURCES: Final = Path(__file__).parent / "connect_go"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectGo:
    """A running program that sends the requests given on its standard input, one after the other."""

    process: subprocess.Popen[str]

    def call(self, rpc: str, **request: Any) -> dict[str, Any]:
        """Returns `response`, or `code` and `message`."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"rpc": rpc, "request": request}) + "\n")
        self.process.stdin.flush()
        response: dict[str, Any] = json.loads(self.process.stdout.readline())
        return response

    def response(self, rpc: str, **request: Any) -> dict[str, Any]:
        body = self.call(rpc, **request)
        assert "code" not in body, body
        response: dict[str, Any] = body["response"]
        return response


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    go = shutil.which("go")
    if go is None:
        pytest.skip("go is not installed")
    try:
        fetch_with(SOURCES, go, "mod", "download")
    except UnfetchedError as error:
        pytest.skip(str(error))
    built = tmp_path_factory.mktemp("connect_go") / "connect_go"
    subprocess.run([go, "build", "-o", str(built), "."], cwd=SOURCES, check=True, capture_output=True)
    return built


@contextmanager
def running(program: Path, target: Target, options: Mapping[str, str]) -> Iterator[ConnectGo]:
    environ = {
        "FLAMEHOUSE_URL": target.url,
        "API_CREDENTIAL": target.credential,
        "TENANT": target.data.client.tenant,
        **options,
    }
    with subprocess.Popen(
        [program],
        env={**os.environ, **environ},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield ConnectGo(process=process)


@pytest.fixture(
    scope="module",
    params=[{}, {"JSON": "1"}, {"GZIP": "1"}],
    ids=["proto", "json", "proto with gzip"],
)
def connect_go(request: pytest.FixtureRequest, program: Path, target: Target) -> Iterator[ConnectGo]:
    with running(program, target, request.param) as client:
        yield client


def names_and_total(response: Mapping[str, Any]) -> tuple[set[str], int]:
    graph = response["flamegraph"]
    return {*graph["names"]}, int(graph["total"])


def test_every_rpc_is_understood(connect_go: ConnectGo, target: Target) -> None:
    data, call = target.data, connect_go.response
    types = call("ProfileTypes", **data.range)["profileTypes"]
    assert CPU in [each["ID"] for each in types]
    assert "env" in call("LabelNames", matchers=[SHOP], **data.range)["names"]
    assert {"cart", "shop"} <= {*call("LabelValues", name="service_name", **data.range)["names"]}
    (services,) = call("Series", matchers=[SHOP], labelNames=["service_name"], **data.range)["labelsSet"]
    assert services["labels"] == [{"name": "service_name", "value": "shop"}]
    shop_names = {"total", "main", "serve", "search", "checkout"}
    selection = data.selection()
    assert names_and_total(call("SelectMergeStacktraces", **selection)) == (shop_names, SHOP_TOTAL)
    spans = call("SelectMergeSpanProfile", **selection, spanSelector=[SPAN])
    assert names_and_total(spans) == ({"total", "main", "serve", "checkout"}, SPAN_TOTAL)
    diff = call("Diff", left=selection, right=data.selection(CART))["flamegraph"]
    assert (int(diff["leftTicks"]), int(diff["rightTicks"])) == (SHOP_TOTAL, CART_TOTAL)
    assert call("GetProfileStats")["dataIngested"] is True
    assert (
        int(call("AnalyzeQuery", query=f"{CPU}{SHOP}", **data.range)["queryImpact"]["totalQueriedSeries"])
        == 1
    )


def test_series_have_exemplars_that_select_their_profiles(connect_go: ConnectGo, target: Target) -> None:
    request = {**target.data.selection(), "step": 15, "exemplarType": "EXEMPLAR_TYPE_INDIVIDUAL"}
    (series,) = connect_go.response("SelectSeries", **request)["series"]
    assert sum(point["value"] for point in series["points"]) == SHOP_TOTAL
    profile_id = series["points"][0]["exemplars"][0]["profileId"]
    one = connect_go.response(
        "SelectMergeStacktraces", **target.data.selection(), profileIdSelector=[profile_id]
    )
    assert names_and_total(one)[1] == SHOP_TOTAL // 4
    heatmap = connect_go.response(
        "SelectHeatmap", **target.data.selection(), step=60, queryType="HEATMAP_QUERY_TYPE_INDIVIDUAL"
    )
    assert sum(sum(slot["counts"]) for slot in heatmap["series"][0]["slots"]) == 4


def test_profiles_are_exported_as_pprof(connect_go: ConnectGo, target: Target) -> None:
    profile = connect_go.response("SelectMergeProfile", **target.data.selection())
    assert sum(int(sample["value"][0]) for sample in profile["sample"]) == SHOP_TOTAL
    response = connect_go.response(
        "SelectMergeStacktraces", **target.data.selection(), format="PROFILE_FORMAT_PPROF"
    )
    assert sum(int(sample["value"][0]) for sample in response["pprof"]["profile"]["sample"]) == SHOP_TOTAL


def test_a_push_is_stored(connect_go: ConnectGo, target: Target) -> None:
    at, service = target.data.start, f"pushed-{id(connect_go)}"
    profile = pprof_of([Sample(stack="ab", values=(11,))], time_ms=at)
    pairs = [{"name": name, "value": value} for name, value in labels_of(service_name=service).items()]
    raw = base64.b64encode(profile_pb2.Profile.SerializeToString(profile)).decode()
    connect_go.response("Push", series=[{"labels": pairs, "samples": [{"rawProfile": raw}]}])
    found = connect_go.response(
        "SelectMergeStacktraces", **target.data.selection(f'{{service_name="{service}"}}')
    )
    assert names_and_total(found) == ({"total", "a", "b"}, 11)


def test_settings_are_stored(connect_go: ConnectGo) -> None:
    connect_go.response("SetSettings", setting={"name": "pluginSettings", "value": "{}"})
    (kept,) = connect_go.response("GetSettings")["settings"]
    assert (kept["name"], kept["value"]) == ("pluginSettings", "{}")
    assert connect_go.response("GetFeatureFlags")["featureFlags"]


@pytest.mark.parametrize(
    ("rpc", "request_", "code", "words"),
    [
        (
            "SelectMergeStacktraces",
            {"labelSelector": "{}"},
            "invalid_argument",
            "profile-type selection must",
        ),
        ("LabelValues", {}, "invalid_argument", "name is required"),
        ("SelectSeries", {"profileTypeID": CPU, "labelSelector": "}"}, "invalid_argument", ""),
        ("GithubApp", {}, "unimplemented", ""),
    ],
)
def test_errors_have_their_code_and_message(
    connect_go: ConnectGo, rpc: str, request_: Mapping[str, Any], code: str, words: str
) -> None:
    response = connect_go.call(rpc, **request_)
    assert response["code"] == code
    assert words in response["message"]


@pytest.mark.parametrize("credential", ["", "donkey"])
def test_a_wrong_credential_is_an_error_that_the_client_can_name(
    program: Path, target: Target, credential: str
) -> None:
    stranger = replace(target, credential=credential)
    with running(program, stranger, {}) as client:
        codes: Sequence[str] = [client.call(rpc)["code"] for rpc in ("ProfileTypes", "GetProfileStats")]
    # API Gateway returns 401 without a credential, and 403 for one that its authorizer denies.
    on_aws = target.credential.startswith("fh_")
    assert set(codes) == {"permission_denied" if on_aws and credential else "unauthenticated"}
