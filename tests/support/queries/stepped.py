"""Stepped requests over the last hour, shared by the tests of SelectSeries and SelectHeatmap."""

import json
import time

from tests.support.uploads.profiles import CPU

SELECTOR = '{service_name="shop",}'
END_MS = time.time_ns() // 1_000_000
START_MS = END_MS - 3_600_000
ONE_TOO_MANY = 10_001
"""The number of series requested from the store if a response may have 10,000."""


def body(step: object = 60, **changes: object) -> str:
    """Returns the request as JSON, without fields that are None."""
    request = {
        "profile_typeID": CPU,
        "labelSelector": SELECTOR,
        "start": START_MS,
        "end": str(END_MS),
        "step": step,
        **changes,
    }
    return json.dumps({name: value for name, value in request.items() if value is not None})
