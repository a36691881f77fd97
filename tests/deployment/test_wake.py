"""A real SDK, and the functions built for AWS in mode fallback, while ClickHouse sleeps and wakes."""

import gzip
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Final

import pytest

from cli.server import Server
from flamehouse.pb.profile_pb2 import Profile
from flamehouse.pb.push_pb2 import PushRequest
from tests.support.servers.bundle import built
from tests.support.servers.watched import Exchange, Watched, watched
from tests.support.soak.sums import sums_by_tenant
from tests.support.uploads.pprofs import stacks_in
from tools.clickhouse_http.faults import Fault
from tools.gateway.cloud import Cloud, cloud
from tools.live import variables
from tools.local_server import environment

ANSWERED_S: Final = 8
"""The longest wait for a 200 from a cold start: SDKs time out after ten seconds."""
ATTEMPTS: Final = 3
"""The fastest attempt counts, since other work may delay one."""
BUSY_S: Final = 2
"""A cold start takes half a second of CPU. If it takes longer than this with ClickHouse awake, the machine is busy."""
CPU: Final = "process_cpu:cpu:nanoseconds:cpu:nanoseconds"
PROGRAM: Final = """
import os, sys, time
import pyroscope

pyroscope.configure(
    application_name=os.environ["PYROSCOPE_APPLICATION_NAME"],
    server_address=os.environ["PYROSCOPE_SERVER_ADDRESS"],
    basic_auth_username=os.environ["PYROSCOPE_BASIC_AUTH_USER"],
    basic_auth_password=os.environ["PYROSCOPE_BASIC_AUTH_PASSWORD"],
    tenant_id=os.environ["PYROSCOPE_TENANT_ID"],
    upload_interval=1,
)
until = time.monotonic() + float(sys.argv[1])
while time.monotonic() < until:
    sum(range(10_000))
pyroscope.shutdown()
"""
PROGRAM_S: Final = 3.0
LONG_S: Final = 15.0
WAKE_S: Final = 8.0
DRAINED_S: Final = 300
_NUMBERS: Final = count()


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """The functions, as an SDK reaches them through a proxy."""

    cloud: Cloud
    proxy: Watched

    def program(self, tenant: str, seconds: float) -> subprocess.Popen[bytes]:
        """Starts a program under the SDK, which ends once it has sent its last profile."""
        server = Server(url=self.proxy.url, credential=self.cloud.credential, tenant=tenant)
        command = [sys.executable, "-c", PROGRAM, str(seconds)]
        environ = {**environment(), **variables(server, "live.wake")}
        return subprocess.Popen(command, env=environ)

    def cold_start_s(self, tenant: str) -> float:
        """Runs a program with new processes of the functions; returns the seconds of its slowest response."""
        sent = len(self.proxy.exchanges)
        self.cloud.functions.restart()
        assert self.program(tenant, PROGRAM_S).wait() == 0
        exchanges = self.proxy.exchanges[sent:]
        assert {each.status for each in exchanges} == {200}
        return max(each.seconds for each in exchanges)

    def drain(self) -> None:
        give_up = time.monotonic() + DRAINED_S
        while self.cloud.queue.messages:
            assert time.monotonic() < give_up, self.cloud.functions.printed()[-3_000:]
            time.sleep(0.2)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with cloud(built(), tmp_path_factory.mktemp("cloud"), through_proxy=True) as deployed:
        queue = deployed.queue
        # Shorter than on AWS, so that messages are delivered again soon after the wake.
        queue.client.set_queue_attributes(QueueUrl=queue.url, Attributes={"VisibilityTimeout": "5"})
        yield deployed


@pytest.fixture
def gateway(running: Cloud) -> Iterator[Gateway]:
    with watched(running.url) as proxy:
        yield Gateway(cloud=running, proxy=proxy)
    running.proxy.fault = Fault.NONE


def samples_sent(exchanges: Sequence[Exchange]) -> int:
    """Returns the sum of all samples in the pushes of an SDK."""
    pushes = [PushRequest.FromString(gzip.decompress(each.body)) for each in exchanges]
    profiles = [sample.raw_profile for push in pushes for series in push.series for sample in series.samples]
    return sum(stacks_in(Profile.FromString(profile)).total() for profile in profiles)


@pytest.mark.parametrize("fault", [Fault.SLOW, Fault.WAKING, Fault.DOWN])
def test_an_sdk_gets_200_in_time_from_a_cold_start_while_clickhouse_sleeps(
    gateway: Gateway, fault: Fault
) -> None:
    gateway.cloud.proxy.fault = fault
    tenant = f"asleep-{next(_NUMBERS)}"
    fastest = float("inf")
    for _ in range(ATTEMPTS):
        fastest = min(fastest, gateway.cold_start_s(tenant))
        if fastest < ANSWERED_S:
            break
    gateway.cloud.proxy.fault = Fault.NONE
    if fastest >= ANSWERED_S:
        awake = gateway.cold_start_s(tenant)
        assert awake > BUSY_S
        assert fastest < ANSWERED_S + awake
    gateway.drain()
    stored = sums_by_tenant(gateway.cloud.clickhouse)[tenant]
    assert stored[CPU, "samples"] == samples_sent(gateway.proxy.exchanges) > 0


def test_an_sdk_loses_nothing_through_a_wake(gateway: Gateway) -> None:
    """Uploads before, during and after a wake of seconds instead of ten minutes, every second instead of every ten."""
    tenant = f"wakes-{next(_NUMBERS)}"
    program = gateway.program(tenant, LONG_S)
    for fault, seconds in ((Fault.NONE, 2), (Fault.SLOW, WAKE_S / 2), (Fault.WAKING, WAKE_S / 2)):
        gateway.cloud.proxy.fault = fault
        time.sleep(seconds)
    gateway.cloud.proxy.fault = Fault.NONE
    assert program.wait() == 0
    gateway.drain()
    assert {each.status for each in gateway.proxy.exchanges} == {200}
    assert any(
        each.startswith(f"PUT /{gateway.cloud.blobs.name}/staged/{tenant}/")
        for each in gateway.cloud.aws.operations
    )
    stored = sums_by_tenant(gateway.cloud.clickhouse)[tenant]
    assert stored["", "uploads"] == len(gateway.proxy.exchanges) > 1
    assert stored[CPU, "samples"] == samples_sent(gateway.proxy.exchanges) > 0
