"""The metrics of an invocation, as CloudWatch reads them."""

import json

import pytest

from flamehouse.telemetry import metrics
from flamehouse.telemetry.on_lambda import EmbeddedMetrics


@pytest.mark.parametrize("times", [1, 99, 100, 101, 200])
def test_every_value_is_printed_once_whatever_the_line_length(
    capsys: pytest.CaptureFixture[str], times: int
) -> None:
    sink = EmbeddedMetrics()
    for value in range(times):
        sink.add(metrics.UPLOADS_STAGED, value, {})
    sink.flush("Tried")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    printed = [value for line in lines for value in line["flamehouse_uploads_staged_total"]]
    assert printed == [*map(float, range(times))]
    assert {line["function"] for line in lines} == {"Tried"}
    assert all(line["_aws"]["CloudWatchMetrics"] for line in lines)
