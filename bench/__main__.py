"""`python -m bench`: measure and print. Takes some minutes; `--quick` shows in one that it works."""

import argparse
from collections.abc import Callable, Mapping, Sequence

from bench import cloud, extremes, flamegraphs, ingestion, jfr, page, rate, rpcs, stacks, week
from bench.plan import QUICK, Plan
from bench.report import Line, table

SECTIONS: Mapping[str, tuple[str, Callable[[Plan], Sequence[Line]]]] = {
    "flamegraph": ("Flame graphs, series and bytes of an hour (least / median)", flamegraphs.measure),
    "rpcs": ("Each RPC about all services, an hour of them (least / median)", rpcs.measure),
    "week": ("One service over seven days (least / median)", week.measure),
    "extremes": ("Deep stacks and many series (least / median)", extremes.measure),
    "ingest": ("CPU and parts of ingestion", ingestion.measure),
    "jfr": ("Reading JFR recordings (figures: MB a second, unpacked, on one core)", jfr.measure),
    "stacks": ("Reading stacks as text, as trees and of speedscope", stacks.measure),
    "page": ("The web page in Chromium (figures: times the page's empty frame)", page.measure),
    "rate": ("Uploads to the local server", rate.measure),
    "cloud": ("What was built for AWS (times: least / median; figures of warm: ms added)", cloud.measure),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench", description="How this store does beside qryn's.")
    parser.add_argument("--quick", action="store_true", help="a small run whose figures mean nothing")
    parser.add_argument("--only", metavar="SECTION,...", default=",".join(SECTIONS), help=", ".join(SECTIONS))
    options = parser.parse_args()
    names = options.only.split(",")
    if unknown := set(names) - set(SECTIONS):
        parser.error(f"no such section: {', '.join(sorted(unknown))}")
    for name in names:
        title, measure = SECTIONS[name]
        print(table(title, measure(QUICK if options.quick else Plan())), flush=True)


if __name__ == "__main__":
    main()
