"""`python -m tests.support.soak`: minutes of uploads through the functions built for AWS, while ClickHouse fails at random."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory

import click

from tests.support.servers.place import REPO
from tests.support.soak.soak import Load, Soaked, soak
from tests.support.soak.uploads import uploads


def main() -> None:
    usual = Load()
    parser = argparse.ArgumentParser(prog="soak", description=__doc__)
    parser.add_argument("--build", type=Path, default=Path(".aws-sam/build"), help="the output of sam build")
    parser.add_argument("--seconds", type=float, default=usual.seconds)
    parser.add_argument("--clients", type=int, default=usual.clients)
    parser.add_argument("--seed", type=int, default=usual.seed)
    options = parser.parse_args()
    load = Load(seconds=options.seconds, clients=options.clients, seed=options.seed)
    sent = uploads(REPO.parent / "shared/fixtures")
    click.echo(f"{load.seconds:g} s, {load.clients} clients with {len(sent)} uploads, seed {load.seed}")
    with TemporaryDirectory(prefix="flamehouse-soak-") as folder:
        done = soak(options.build, Path(folder), sent, load)
    click.echo("\n".join(_report(done)))
    sys.exit(bool(done.differing or done.quarantined or done.missing))


def _report(done: Soaked) -> Iterator[str]:
    sent = done.sent
    names = sum(len(each) for each in sent.acknowledged.values())
    yield (
        f"{names:,} uploads acknowledged, {sent.requests:,} as requests and {sent.files:,} as dropped files; "
        f"{sent.again:,} sent twice, {done.staged:,} times staged; statuses {dict(sent.statuses)}"
    )
    times = ", ".join(f"{fault} {times}" for fault, times in sorted(done.faults.times.items()))
    yield f"faults in {done.faults.seconds:.0f} s: {times}"
    yield f"queue empty {done.drained_s:.0f} s after the last fault"
    percentiles = quantiles(sent.latencies_s, n=100)
    shown = ", ".join(f"{n} % {percentiles[n - 1] * 1_000:,.0f} ms" for n in (50, 90, 95, 99))
    yield f"latency of acknowledged requests: {shown}, maximum {max(sent.latencies_s) * 1_000:,.0f} ms"
    for process, after_mb in sorted(done.memory_after.items()):
        before = done.memory_before.get(process)
        yield f"memory of {process[0]} {process[1]}: {before or 'not running'} MB, then {after_mb} MB"
    yield f"{len(done.quarantined)} objects in quarantine, {done.missing} reports of missing uploads"
    yield f"{len(done.acknowledged)} tenants, {len(done.differing)} with other sums in the store than acknowledged"
    for tenant in done.differing[:10]:
        yield f"  {tenant}: {dict(done.acknowledged.get(tenant, {}))} acknowledged, {dict(done.stored.get(tenant, {}))} stored"


if __name__ == "__main__":
    main()
