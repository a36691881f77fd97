"""`python -m bench.compare http://BEFORE http://NOW [--pids BEFORE NOW]`: a table per workload and kind of upload.

Both servers need empty data folders and, as the data is old, `RETENTION_DAYS=0`. CPU times need their process ids.
"""

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from secrets import token_hex

from bench.compare.data import PLAN, load, workloads
from bench.compare.requests import queries
from bench.compare.side import NotSupportedError, Side, Taken
from bench.compare.turns import lines_of, query_lines
from bench.compare.uploads import Uploads, send_all, uploads
from bench.plan import QUICK, Plan
from bench.report import Line, table

_CLIENTS = (1, 8)


def main() -> None:
    options = _options()
    plan = QUICK if options.quick else PLAN
    pids = options.pids or [None, None]
    sides = [Side(url, pid) for url, pid in zip(options.urls, pids, strict=True)]
    chosen = {tenant: each for tenant, each in workloads(plan).items() if tenant in options.only.split(",")}
    if not options.loaded:
        for tenant, workload in chosen.items():
            load(sides, tenant, workload)
    for side in sides:
        side.settled_cpu_s()
    for tenant, workload in chosen.items():
        requests = queries(tenant, workload).items()
        named = {name: request for name, request in requests if options.match in name}
        lines = (query_lines(sides, name, request, options.rounds) for name, request in named.items())
        _print(f"Queries of {tenant}", chain.from_iterable(lines))
    if "uploads" in options.only.split(","):
        for name, sent in uploads(plan, f"uploads-{token_hex(4)}").items():
            if options.match in name:
                _print(f"Uploads: {name}", _upload_lines(sides, sent, plan, options.rounds))


def _print(title: str, lines: Iterable[Line]) -> None:
    """Print each line to stderr as soon as it is measured, and the table at the end."""
    seen = []
    for line in lines:
        seen.append(line)
        print(" | ".join((title, *line.cells)), file=sys.stderr, flush=True)
    print(table(title, seen), flush=True)


def _options() -> argparse.Namespace:
    names = [*workloads(PLAN), "uploads"]
    parser = argparse.ArgumentParser(prog="bench.compare", description=__doc__)
    parser.add_argument("urls", nargs=2, metavar="URL", help="the servers before and after the change")
    parser.add_argument("--pids", nargs=2, type=int, metavar="PID", help="their process ids on this machine")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--quick", action="store_true", help="a small run whose figures are meaningless")
    parser.add_argument("--loaded", action="store_true", help="use the data that an earlier run loaded")
    parser.add_argument("--match", default="", help="only queries and uploads with this text in their name")
    parser.add_argument("--only", metavar="NAME,...", default=",".join(names), help=", ".join(names))
    options = parser.parse_args()
    if unknown := set(options.only.split(",")) - set(names):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    return options


def _upload_lines(sides: Sequence[Side], sent: Uploads, plan: Plan, rounds: int) -> Iterator[Line]:
    """Send both servers the same rounds of uploads, and measure all but the first round."""
    try:
        for clients in _CLIENTS:
            taken: tuple[list[Taken], list[Taken]] = ([], [])
            for repeat in range(-1, rounds):
                requests = [*islice(sent, plan.lone_uploads)]
                for each, side in zip(taken, sides, strict=True):
                    measured = send_all(side, requests, clients)
                    if repeat >= 0:
                        each.append(measured)
            yield from lines_of(f"{clients} clients", *taken)
    except NotSupportedError as error:
        yield Line(what="not supported", ours=str(error))


if __name__ == "__main__":
    main()
