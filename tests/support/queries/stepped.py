"""Questions in steps over the last hour: what SelectSeries and SelectHeatmap are asked alike."""

import json
import time

from tests.support.uploads.profiles import CPU

SELECTOR = '{service_name="shop",}'
END_MS = time.time_ns() // 1_000_000
START_MS = END_MS - 3_600_000
ONE_TOO_MANY = 10_001
"""How many series the store is asked for where 10,000 may be answered."""


def body(step: object = 60, **changes: object) -> str:
    """The question as JSON, without what is None."""
    request = {
        "profile_typeID": CPU,
        "labelSelector": SELECTOR,
        "start": START_MS,
        "end": str(END_MS),
        "step": step,
        **changes,
    }
    return json.dumps({name: value for name, value in request.items() if value is not None})
