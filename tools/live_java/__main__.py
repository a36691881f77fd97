"""`python -m tools.live_java`: the real Java agent profiles CPU, allocations and locks of a program.

The agent: grafana.com/docs/pyroscope/latest/configure-client/language-sdks/java
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tools.live import Live, build_with, copy_sources, fetch_with, main

_AGENT: Final = "io.pyroscope:agent:2.9.2"
_COPY: Final = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy"


def _prepare(folder: Path) -> Sequence[str]:
    copy_sources(__file__, folder)
    options = (f"-Dartifact={_AGENT}", "-DoutputDirectory=.", "-Dmdep.stripVersion=true")
    fetch_with(folder, "mvn", "--quiet", "--batch-mode", _COPY, *options)
    (folder / "agent.jar").rename(folder / "pyroscope.jar")
    build_with(folder, "javac", "-cp", "pyroscope.jar", "Program.java")
    return ("sh", "profile.sh")


LIVE: Final = Live(
    client="java",
    needs=("java", "javac", "mvn"),
    prepare=_prepare,
    leaders={
        "process_cpu:cpu:nanoseconds:cpu:nanoseconds": "Program.findPrimes",
        "memory:alloc_in_new_tlab_bytes:bytes:space:bytes": "Program.remember",
        "mutex:delay:nanoseconds:mutex:count": "Program.holdTheLock",
    },
)

if __name__ == "__main__":
    main(LIVE)
