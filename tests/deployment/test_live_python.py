"""The real Python SDK profiles a program into what was built for AWS."""

import subprocess
import sys
import time
from collections import Counter

from client import Client
from tools.gateway.cloud import Cloud

CPU = "process_cpu:cpu:nanoseconds:cpu:nanoseconds"
PROGRAM = """
import sys, time
import pyroscope

def burn(seconds):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        pass

url, user, password, tenant = sys.argv[1:]
pyroscope.configure(
    application_name="live.cloud",
    server_address=url,
    basic_auth_username=user,
    basic_auth_password=password,
    tenant_id=tenant,
    upload_interval=1,
)
burn(2.5)
pyroscope.shutdown()
"""


def test_the_function_that_burns_the_cpu_leads_the_flame_graph(deployed: Cloud, tenant: str) -> None:
    start = time.time_ns() // 1_000_000
    arguments = (deployed.url, "flamehouse", deployed.credential, tenant)
    subprocess.run([sys.executable, "-c", PROGRAM, *arguments], check=True)
    client = Client(server=deployed.url, tenant=tenant, credential=deployed.credential)
    question = {"profileTypeID": CPU, "labelSelector": '{service_name="live.cloud"}', "start": start}
    answer = client.rpc("SelectMergeStacktraces", {**question, "end": time.time_ns() // 1_000_000})
    selves: Counter[str] = Counter()
    for level in answer["flamegraph"]["levels"]:
        values = [int(value) for value in level["values"]]
        for self_, name in zip(values[2::4], values[3::4], strict=True):
            selves[answer["flamegraph"]["names"][name]] += self_
    (hottest, value), *_ = selves.most_common(1)
    assert (hottest, value > int(answer["flamegraph"]["total"]) / 2) == ("burn", True)
