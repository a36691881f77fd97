"""The log of a built function under Lambda's own bootstrap: JSON lines, and metrics in the embedded format."""

import base64
import json
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from flamehouse.telemetry.events import LOGGER
from flamehouse.telemetry.metrics import METRICS
from tests.support.servers.bundle import built
from tools.gateway.cloud import Cloud, cloud

AD_HOC: Final = "/adhocprofiles.v1.AdHocProfileService/Upload"
OF_THE_ROLE: Final = "session-of-the-role"


def lines(deployed: Cloud) -> list[dict[str, Any]]:
    """Returns the lines of the functions' logs that are JSON objects."""
    return [json.loads(line) for line in deployed.functions.printed().splitlines() if line.startswith("{")]


def test_a_rejected_upload_is_logged_with_its_invocation_and_reason(deployed: Cloud) -> None:
    credential = ("flamehouse", deployed.credential)
    deployed.functions.restart()
    for _ in range(2):
        response = httpx.post(
            f"{deployed.url}/ingest?name=shop&format=pprof", content=b"x", auth=credential, timeout=30
        )
        assert response.status_code == 422
    rejected = [line for line in lines(deployed) if line.get("function_name") == "IngestFunction"]
    rejected = [line for line in rejected if line.get("event") == "request_rejected"][-2:]
    assert [line["cold_start"] for line in rejected] == [True, False]
    for line in rejected:
        assert (line["level"], line["status"], line["service_name"]) == ("WARNING", 422, "shop")
        assert (line["tenant"], line["function_name"]) == ("anonymous", "IngestFunction")
        assert line["function_request_id"]
    assert deployed.credential not in deployed.functions.printed()


def test_metrics_are_embedded_with_the_names_of_the_vocabulary(deployed: Cloud) -> None:
    httpx.post(
        f"{deployed.url}/ingest?name=shop", content=b"a 1", auth=("f", deployed.credential), timeout=30
    )
    units: dict[str, str] = {}
    for line in lines(deployed):
        for directive in line.get("_aws", {}).get("CloudWatchMetrics", ()):
            assert directive["Namespace"] == "flamehouse"
            assert {"function", "service"} <= set(directive["Dimensions"][0])
            for metric in directive["Metrics"]:
                units[metric["Name"]] = metric["Unit"]
                assert metric["Name"] in line
    assert units.items() <= {metric.name: metric.unit.value for metric in METRICS}.items()
    assert {
        "flamehouse_cold_starts_total",
        "flamehouse_uploads_accepted_total",
        "flamehouse_insert_milliseconds",
        "flamehouse_samples_stored_total",
        "flamehouse_response_bytes",
    } <= units.keys()


@pytest.mark.parametrize("level", ["INFO", "DEBUG"])
def test_at_every_log_level_only_flamehouse_logs_during_a_request(level: str, tmp_path: Path) -> None:
    with cloud(built(), tmp_path, environ={"AWS_SESSION_TOKEN": OF_THE_ROLE}, log_level=level) as deployed:
        file = base64.b64encode(b"main;work 1").decode()
        with httpx.Client(base_url=deployed.url, auth=("f", deployed.credential), timeout=30) as client:
            client.post("/ingest?name=shop", content=b"main;work 1").raise_for_status()
            client.post(AD_HOC, json={"name": "a.folded", "profile": file}).raise_for_status()
            assert client.post("/ingest?name=shop&format=pprof", content=b"x").status_code == 422
        printed = deployed.functions.printed()
        logged = lines(deployed)
    in_requests = [line for line in logged if line.get("requestId") or line.get("function_request_id")]
    assert [line for line in in_requests if line.get("service") != LOGGER] == []
    assert {line["event"] for line in in_requests} == {"request_rejected"}
    assert OF_THE_ROLE not in printed
