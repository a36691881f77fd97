"""Lambda functions invoked by a schedule: without a request or response; an exception is a failure.

Retries of asynchronous invocations: docs.aws.amazon.com/lambda/latest/dg, "How Lambda handles errors and retries".
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from flamehouse.deadline import time_limit
from flamehouse.serverless.process import services, telemetry
from flamehouse.services import Services
from flamehouse.telemetry import events
from flamehouse.telemetry.log import log

_TO_END_S: Final = 3.0
"""The time reserved at the end of an invocation, to write its metrics and to raise before Lambda ends it."""

type Run = Callable[[Services], None]
"""The work of one invocation; if it raises, Lambda retries one minute later, and once more two minutes after that."""


def schedule_handler(run: Run) -> Callable[[Mapping[str, Any], Any], None]:
    """Return the handler of a function that a schedule invokes. The content of the event is ignored."""

    def handler(event: Mapping[str, Any], context: Any) -> None:  # noqa: ANN401, ARG001  # Lambda's own
        reporting = telemetry()
        reporting.begin(context)
        try:
            with time_limit(context.get_remaining_time_in_millis() / 1_000 - _TO_END_S):
                run(services())
        except ValueError as error:
            log(events.SETTINGS_INVALID, reason=str(error))
            raise
        finally:
            reporting.end(context)

    return handler
