"""`python -m tools.live_python`: the real Python SDK profiles the CPU of a program.

The SDK: grafana.com/docs/pyroscope/latest/configure-client/language-sdks/python
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tools.live import Live, copy_sources, main


def _prepare(folder: Path) -> Sequence[str]:
    copy_sources(__file__, folder)
    return (sys.executable, "program.py")


LIVE: Final = Live(
    client="python",
    needs=(),
    prepare=_prepare,
    leaders={"process_cpu:cpu:nanoseconds:cpu:nanoseconds": "find_primes"},
)

if __name__ == "__main__":
    main(LIVE)
