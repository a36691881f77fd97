"""A program under the real Python SDK, started as `python live_program.py URL APPLICATION TENANT`.

Most of its CPU goes into `burn_most`, the rest into `burn_some`, each under a label of its own.
"""

import sys
from time import monotonic

import pyroscope


def burn_most(seconds: float) -> None:
    until = monotonic() + seconds
    while monotonic() < until:
        pass


def burn_some(seconds: float) -> None:
    until = monotonic() + seconds
    while monotonic() < until:
        pass


def main() -> None:
    url, application, tenant = sys.argv[1:]
    pyroscope.configure(
        application_name=application,
        server_address=url,
        tenant_id=tenant,
        tags={"env": "live"},
        upload_interval=1,
    )
    with pyroscope.tag_wrapper({"endpoint": "most"}):
        burn_most(2.5)
    with pyroscope.tag_wrapper({"endpoint": "some"}):
        burn_some(0.8)
    pyroscope.shutdown()


if __name__ == "__main__":
    main()
