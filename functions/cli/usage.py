"""`flamehouse usage`: what tenants and services send and store."""

import time
from contextlib import closing
from dataclasses import asdict
from typing import Final

import click

from cli.database import existing_database
from cli.options import json_option
from cli.output import print_json, print_table
from cli.units import size_in_words
from flamehouse.store.connection.client import ClickHouse
from flamehouse.store.connection.data_folder import STOP_SERVER, locked
from flamehouse.store.connection.errors import exit_on_failure
from flamehouse.store.read.reader import Reader
from flamehouse.store.read.usage import usage as usage_of
from flamehouse.units import S_PER_DAY

_NUMBERS: Final = ("uploads", "profiles", "series", "samples", "bytes", "sent", "share")
_MAX_DAYS: Final = 10_000


@click.command()
@click.option(
    "--days",
    type=click.IntRange(1, _MAX_DAYS),
    default=1,
    show_default=True,
    help="Count profiles of this many days.",
)
@json_option
def usage(*, days: int, as_json: bool) -> None:
    """Print what each tenant and service sends and stores, in ./data, DATA_DIR or CLICKHOUSE_DSN.

    Bytes on disk are an estimate.
    """
    with exit_on_failure():
        settings = existing_database()
        with locked(settings, STOP_SERVER), closing(ClickHouse(settings)) as clickhouse:
            since_s = int(time.time()) - days * S_PER_DAY
            found = usage_of(Reader(clickhouse=clickhouse, settings={}), (), since_s)
    if as_json:
        print_json([asdict(each) for each in found])
        return
    rows = [
        (
            each.tenant,
            each.service,
            f"{each.uploads:,}",
            f"{each.profiles:,}",
            f"{each.series:,}",
            f"{each.samples:,}",
            size_in_words(each.bytes),
            size_in_words(each.bytes_sent),
            f"{each.share:.1%}",
        )
        for each in found
    ]
    print_table(("tenant", "service", *_NUMBERS), rows, right=_NUMBERS)
