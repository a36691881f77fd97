"""Tests that an upload is stored once: several clients insert it at the same time, and another one afterwards."""

import time
from array import array
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from os import urandom
from typing import Final
from uuid import UUID

from clickhouse_connect.driver.exceptions import ClickHouseError

from flamehouse.model.profile import (
    SeriesProfile,
    Symbols,
    Upload,
    fingerprint_of,
    function_of,
    location_of,
    stacktrace_ids,
)
from flamehouse.settings import Settings
from flamehouse.store.connection.client import READ_LATEST, ClickHouse
from flamehouse.store.doctor.finding import Examination, Finding, Severity
from flamehouse.store.write.writer import LoneWriter

PROBE: Final = "flamehouse-doctor"
"""The tenant and service of the test profiles. Each run stores a profile of a few bytes, which expires like any other.
"""
_CLIENTS: Final = 4
_TYPE: Final = "process_cpu:cpu:nanoseconds:cpu:nanoseconds"

_STORED: Final = """
SELECT
    (SELECT count() FROM sampled_profiles WHERE tenant = {tenant:String} AND upload_id = unhex({upload:String})),
    (SELECT count() FROM uploads WHERE tenant = {tenant:String} AND upload_id = unhex({upload:String}))
"""


def check_exactly_once(examination: Examination) -> Iterator[Finding]:
    """Insert one upload as functions do, from several clients at the same time and then once more."""
    upload = _upload()
    settings = examination.settings
    with ThreadPoolExecutor(_CLIENTS) as clients:
        outcomes = [*clients.map(_insert, [settings] * _CLIENTS, [upload] * _CLIENTS)]
    # One more insert after the others, as a retry would be.
    outcomes.append(_insert(settings, upload))
    if failed := [error for error in outcomes if error is not None]:
        raise failed[0]
    parameters = {"tenant": PROBE, "upload": upload.id.hex()}
    [stored] = examination.clickhouse.rows(_STORED, parameters, READ_LATEST)
    text = f"an upload inserted {len(outcomes)} times, {_CLIENTS} of them at once, is stored"
    if set(stored) == {1}:
        yield Finding(check="exactly once", severity=Severity.OK, text=f"{text} once")
        return
    profiles, entries = stored
    yield Finding(
        check="exactly once",
        severity=Severity.FAULT,
        text=f"{text} {profiles} times, with {entries} entries in the ledger",
        advice="compare ClickHouse's version and the deduplication windows above; do not send profiles until this passes",
    )


def _insert(settings: Settings, upload: Upload) -> ClickHouseError | None:
    """Insert with a separate client, as a function does; return the error, if any."""
    with closing(ClickHouse(settings)) as clickhouse:
        try:
            LoneWriter(clickhouse).insert(upload)
        except ClickHouseError as error:
            return error
    return None


def _upload() -> Upload:
    """Return a unique upload: one profile with one stack."""
    now_ns, id_ = time.time_ns(), urandom(32)
    function = function_of("probe", "", "", 0)
    location = location_of(0, 0, (((function.id, function.name_id), 1, 0),))
    stack = array("Q", [location.id]).tobytes()
    ids = stacktrace_ids([stack])
    symbols = Symbols(
        stacktraces=dict(zip(ids, [stack], strict=True)),
        all_locations=[location],
        all_functions=[function],
    )
    labels = (("__profile_type__", _TYPE), ("service_name", PROBE))
    profile = SeriesProfile(
        time_ns=now_ns,
        duration_ns=0,
        profile_id=UUID(bytes=id_[:16]),
        profile_type=_TYPE,
        service=PROBE,
        fingerprint=fingerprint_of(labels),
        labels=labels,
        symbols=symbols,
        stacktrace_ids=array("Q", ids),
        values=array("q", [1]),
    )
    return Upload(tenant=PROBE, id=id_, received_ns=now_ns, profiles=[profile])
