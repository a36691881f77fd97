"""An upload acknowledged with 200 is counted once, however often and in whatever packaging it is sent."""

import gzip
import json
import os
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import permutations
from pathlib import Path

import pytest
from google.protobuf import json_format

from flamehouse.pb.push_pb2 import PushRequest
from flamehouse.services import Services
from flamehouse.settings import Settings
from flamehouse.store.clickhouse_store import ClickHouseStore, open_store
from flamehouse.store.connection.client import ClickHouse, uses_embedded
from ingest.pipeline import replay
from tests.support.queries.queries import Server, drawn, some_monday_ms
from tests.support.servers.client import Client
from tests.support.uploads.counted import Counted, once
from tests.support.uploads.profiles import CPU, pprof_of, sample
from tests.support.uploads.uploads import PUSH, form, pushed, series

HOUR = 3_600_000
ZONE = "Asia/Kolkata"
"""Offset from UTC by a half-hour."""

MONDAY = some_monday_ms()
PROFILE = pprof_of([sample("ab", 3)], time_ms=MONDAY).SerializeToString()
QUERY = "name=shop{env=prod}&format=pprof&spyName=gospy&sampleRate=100"
CONFIG = b'{"cpu":{"display-name":"cpu","units":"nanoseconds"}}'

type Request = tuple[str, bytes, dict[str, str]]
"""The target, body and headers of a POST."""


def form_of(profile: bytes, boundary: str, config: bytes = CONFIG) -> tuple[bytes, dict[str, str]]:
    body = form(("profile", profile), ("sample_type_config", config), boundary=boundary)
    return body, {"Content-Type": f'multipart/form-data; boundary="{boundary}"'}


def pushes() -> Iterator[tuple[str, Request]]:
    labels = {"__name__": "process_cpu", "service_name": "shop", "env": "prod"}
    message = PushRequest.FromString(pushed(series(labels, PROFILE)))
    packed = PushRequest.FromString(pushed(series([*labels.items()][::-1], gzip.compress(PROFILE, mtime=0))))
    packed.series[0].samples[0].ID = "another"
    as_json = {"series": [{"labels": [], "samples": [{"rawProfile": b64encode(PROFILE).decode()}]}]}
    as_json["series"][0]["labels"] = json_format.MessageToDict(message)["series"][0]["labels"]
    proto, text = {"Content-Type": "application/proto"}, {"Content-Type": "application/json"}
    zipped = {"Content-Encoding": "gzip"}
    yield "proto", (PUSH, message.SerializeToString(), proto)
    yield "proto in gzip", (PUSH, gzip.compress(message.SerializeToString(), mtime=0), proto | zipped)
    yield "profile in gzip, other order, other ID", (PUSH, packed.SerializeToString(), proto)
    yield "json", (PUSH, json.dumps(as_json).encode(), text)
    yield (
        "json in gzip",
        (PUSH, gzip.compress(json.dumps(as_json, indent=2).encode(), mtime=0), text | zipped),
    )


def ingests() -> Iterator[tuple[str, Request]]:
    body, headers = form_of(PROFILE, "aaaa")
    yield "form", (f"/ingest?{QUERY}", body, headers)
    yield "other path", (f"/pyroscope/ingest?{QUERY}", body, headers)
    yield "other order", (f"/ingest?{'&'.join(QUERY.split('&')[::-1])}", body, headers)
    yield (
        "form in gzip",
        (f"/ingest?{QUERY}", gzip.compress(body, mtime=0), headers | {"Content-Encoding": "gzip"}),
    )
    body, headers = form_of(PROFILE, "another-boundary")
    yield "other boundary", (f"/ingest?{QUERY}", body, headers)
    body, headers = form_of(gzip.compress(PROFILE, 1, mtime=0), "bbbb")
    yield "profile in gzip", (f"/ingest?{QUERY}", body, headers)
    body, headers = form_of(gzip.compress(PROFILE, 9, mtime=0), "cccc")
    yield "profile in better gzip", (f"/ingest?{QUERY}", body, headers)


@pytest.fixture
def counted(store: ClickHouseStore, settings: Settings, tenant: str) -> Counted:
    return Counted.on(store, settings, tenant)


def post(client: Client, request: Request) -> int:
    target, body, headers = request
    return client.send("POST", target, body, headers).status_code


@pytest.mark.parametrize("requests", [dict(pushes()), dict(ingests())], ids=["Push", "ingest"])
def test_a_repacked_upload_is_the_same_upload(
    store: ClickHouseStore, settings: Settings, requests: dict[str, Request]
) -> None:
    server = Server.on(store, settings)
    for packing, request in requests.items():
        assert post(server.client, request) == 200, packing
        assert server.flamegraph(MONDAY, MONDAY + HOUR) == drawn([("ab", 3)]), packing
        assert server.series(MONDAY, MONDAY, step=1) == [([], [(MONDAY, 3)])], packing


def test_an_upload_repeated_at_once_and_later_counts_once(counted: Counted) -> None:
    for number in (0, 0, 1, 2, 0, 1):
        assert counted.send(number) == 200
    assert counted.counts() == once({0, 1, 2})


def test_an_upload_repeated_after_a_restart_counts_once(
    store: ClickHouseStore, counted: Counted, settings: Settings, tmp_path: Path
) -> None:
    counted.send(0)
    store.settle()  # closing the store does the same
    restarted = open_store(settings)
    if uses_embedded(settings):
        services = Services(settings=settings, store=restarted)
        restarted.open_log(tmp_path, partial(replay, services), fsync=False)
    afterwards = counted.through(Server.on(restarted, settings, counted.server.client.tenant))
    assert [afterwards.send(number) for number in (1, 0, 1)] == [200, 200, 200]
    assert afterwards.counts() == counted.counts() == once({0, 1})
    restarted.close()


def test_simultaneous_retries_are_counted_once(counted: Counted) -> None:
    numbers = [number for order in permutations(range(3)) for number in (*order, 3 + order[0])]
    with ThreadPoolExecutor(max_workers=8) as clients:
        assert {*clients.map(counted.send, numbers)} == {200}
    assert counted.counts() == once(range(6))


def test_equal_profiles_with_different_labels_are_different_uploads(counted: Counted) -> None:
    for labels in ({}, {"env": "prod"}, {"env": "dev"}, {"service_name": "cart"}):
        assert counted.server.send_push(counted.series(0, **labels)).status_code == 200
    assert all({*counts.values()} == {4} for counts in counted.counts().values())


def test_tenants_with_equal_uploads_do_not_see_each_other(store: ClickHouseStore, settings: Settings) -> None:
    one = Counted.on(store, settings)
    other = one.through(Server.on(store, settings))
    for number in (0, 1):
        one.send(number)
    for number in (1, 2):
        other.send(number)
    assert (one.counts(), other.counts()) == (once({0, 1}), once({1, 2}))


@pytest.mark.parametrize("length", [127, 128, 150])
def test_a_tenant_id_may_be_long(
    store: ClickHouseStore, settings: Settings, tenant: str, length: int
) -> None:
    counted = Counted.on(store, settings, tenant.ljust(length, "x"))
    assert [counted.send(number) for number in (0, 0)] == [200, 200]
    assert counted.counts() == once({0})


def test_roll_ups_agree_with_samples(
    store: ClickHouseStore, settings: Settings, clickhouse: ClickHouse
) -> None:
    server, monday = Server.on(store, settings), some_monday_ms()
    minutes = range(0, 6 * 60, 7)
    profiles = [
        pprof_of([sample("ab", 1), sample(["a", f"minute {at}"], 1)], time_ms=monday + at * 60_000)
        for at in minutes
    ]
    server.push(series({"__name__": "process_cpu", "service_name": "shop"}, *profiles))
    assert {CPU} == {*server.profile_types(monday, monday)}
    for start, end in ((0, 360), (30, 330), (60, 300), (5, 35), (33, 331), (59, 61)):
        inside = [at for at in minutes if start <= at < end]
        stacks = [("ab", len(inside)), *((["a", f"minute {at}"], 1) for at in inside)]
        assert server.flamegraph(monday + start * 60_000, monday + end * 60_000) == drawn(stacks)
    ((zone,),) = clickhouse.rows("SELECT serverTimezone()")
    assert zone == os.environ.get("TZ", zone)


def test_roll_ups_agree_with_samples_in_a_process_of_another_time_zone() -> None:
    name = f"{__file__}::{test_roll_ups_agree_with_samples.__name__}[embedded]"
    inner = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", name],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "TZ": ZONE},
        capture_output=True,
        text=True,
        check=False,
    )
    assert inner.returncode == 0, inner.stdout
