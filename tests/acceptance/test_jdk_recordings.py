"""JDK Flight Recorder recordings yield what the JDK's own tool prints: every stack, its count and its value."""

import json
import shutil
import subprocess
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from flamehouse.pb.profile_pb2 import Profile
from ingest.formats.jfr import parse
from ingest.formats.jfr.symbols import normal_name
from ingest.request.query import parse_ingest_request

PROGRAM = """
import java.util.concurrent.locks.LockSupport;
class Program {
    static final Object lock = new Object();
    static volatile Object kept;
    static int fib(int n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
    static void allocate() { for (int i = 0; i < 2000; i++) kept = new byte[1000 + i]; kept = new byte[3 << 20]; }
    static void hold() throws InterruptedException { synchronized (lock) { Thread.sleep(30); } }
    static void work(long end) {
        try {
            while (System.currentTimeMillis() < end) { fib(27); allocate(); hold(); LockSupport.parkNanos(25_000_000); }
        } catch (InterruptedException e) { throw new IllegalStateException(e); }
    }
    public static void main(String[] arguments) throws Exception {
        long end = System.currentTimeMillis() + 3000;
        var threads = new Thread[3];
        for (int i = 0; i < threads.length; i++) (threads[i] = new Thread(() -> work(end))).start();
        for (var thread : threads) thread.join();
    }
}
"""
METRICS = {
    "jdk.ExecutionSample": "process_cpu",
    "jdk.ObjectAllocationSample": "memory",
    "jdk.JavaMonitorEnter": "mutex",
    "jdk.ThreadPark": "block",
}
UINT32 = 1 << 32

type Stacks = Counter[str]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Records for three seconds."""
    if shutil.which("java") is None or shutil.which("jfr") is None:
        pytest.skip("a JDK with java and jfr is not installed")
    folder = tmp_path_factory.mktemp("jdk")
    (folder / "Program.java").write_text(PROGRAM)
    recording = folder / "program.jfr"
    command = ["java", f"-XX:StartFlightRecording=filename={recording},settings=profile", "Program.java"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=120)
    return recording


def printed(recording: Path) -> Iterator[Mapping[str, Any]]:
    """Returns the events that the JDK's tool prints, except those without a stack, which no profile can show."""
    command = [
        "jfr",
        "print",
        "--json",
        "--stack-depth",
        "2048",
        "--events",
        ",".join(METRICS),
        str(recording),
    ]
    output = subprocess.run(command, check=True, capture_output=True, timeout=120).stdout
    events = json.loads(output)["recording"]["events"]
    return (event for event in events if event["values"]["stackTrace"] is not None)


def stack_of(event: Mapping[str, Any]) -> str:
    return ";".join(map(frame_of, reversed(event["values"]["stackTrace"]["frames"])))


def frame_of(frame: Mapping[str, Any]) -> str:
    """Returns the frame's name in our form. The tool writes the slashes of a class name as dots."""
    method = frame["method"]
    return f"{normal_name(method['type']['name'])}.{method['name']}:{frame['lineNumber'] % UINT32}"


def by_stack(pprof: Profile, column: int) -> Stacks:
    names = {each.id: pprof.string_table[each.name].replace("/", ".") for each in pprof.function}
    frames = {each.id: f"{names[each.line[0].function_id]}:{each.line[0].line}" for each in pprof.location}
    stacks: Stacks = Counter()
    for sample in pprof.sample:
        stacks[";".join(frames[id_] for id_ in reversed(sample.location_id))] += sample.value[column]
    return stacks


def test_every_event_is_counted_under_its_stack(recorded: Path) -> None:
    request = parse_ingest_request("name=app&format=jfr&sampleRate=1000000000", 0)
    profiles = {
        profile.labels["__name__"]: profile.pprof
        for profile in parse(request, {"profile": recorded.read_bytes()}).profiles
    }
    expected: dict[str, Stacks] = defaultdict(Counter)
    weights: Stacks = Counter()
    for event in printed(recorded):
        stack = stack_of(event).replace("/", ".")
        expected[METRICS[event["type"]]][stack] += 1
        weights[stack] += event["values"].get("weight", 0)
    assert {name: by_stack(pprof, 0) for name, pprof in profiles.items()} == expected
    assert by_stack(profiles["memory"], 1) == +weights
    for metric, method in (("memory", "allocate"), ("mutex", "hold"), ("block", "work")):
        assert any(f"Program.{method}:" in stack for stack in expected[metric])
