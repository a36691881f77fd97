"""`python -m bench`: measure and print. Takes several minutes; `--quick` only tests that it works, in one minute."""

import argparse
from collections.abc import Callable, Mapping, Sequence

from bench import (
    cloud,
    cost,
    extremes,
    flamegraphs,
    ingestion,
    init,
    jfr,
    page,
    queries,
    rate,
    rpcs,
    stacks,
    tenants,
    web,
    week,
    worker,
)
from bench.plan import QUICK, Plan
from bench.report import Line, table

SECTIONS: Mapping[str, tuple[str, Callable[[Plan], Sequence[Line]]]] = {
    "queries": (
        "Queries over HTTP (minimum / median, CPU in brackets; figures: median in ms)",
        queries.measure,
    ),
    "flamegraph": ("Flame graphs, series and bytes of an hour (minimum / median)", flamegraphs.measure),
    "rpcs": ("Each RPC over an hour of all services (minimum / median)", rpcs.measure),
    "week": ("One service over seven days (minimum / median)", week.measure),
    "extremes": ("Deep stacks and many series (minimum / median)", extremes.measure),
    "ingest": ("Ingestion: CPU time and parts", ingestion.measure),
    "jfr": ("Reading JFR recordings (figures: uncompressed MB per second on one core)", jfr.measure),
    "stacks": ("Reading stacks as text, trees and speedscope", stacks.measure),
    "page": ("The web page in Chromium (figures: multiples of an empty frame)", page.measure),
    "rate": ("Uploads to the local server", rate.measure),
    "init": ("Import and first response of every built function (minimum CPU)", init.measure),
    "web": ("What FastAPI adds to a request (minimum; figures: ms added)", web.measure),
    "cloud": (
        "The build for AWS (times: minimum / median; figures of warm requests: ms added)",
        cloud.measure,
    ),
    "worker": ("The worker built for AWS (minimum / median)", worker.measure),
    "cost": ("Dollars per million uploads on AWS (median; docs/cost.md)", cost.measure),
    "tenants": ("Tenants during a flood from another tenant, and wrong credentials", tenants.measure),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench", description="Compares this store with qryn's.")
    parser.add_argument("--quick", action="store_true", help="a small run whose figures are meaningless")
    parser.add_argument("--only", metavar="SECTION,...", default=",".join(SECTIONS), help=", ".join(SECTIONS))
    options = parser.parse_args()
    names = options.only.split(",")
    if unknown := set(names) - set(SECTIONS):
        parser.error(f"unknown section: {', '.join(sorted(unknown))}")
    for name in names:
        title, measure = SECTIONS[name]
        print(table(title, measure(QUICK if options.quick else Plan())), flush=True)


if __name__ == "__main__":
    main()
