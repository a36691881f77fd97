"""`python -m tools.live_node`: the real Node.js SDK profiles the wall time and the CPU of a program.

The SDK: grafana.com/docs/pyroscope/latest/configure-client/language-sdks/nodejs
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tools.live import Live, copy_sources, fetch_with, main

_INSTALL: Final = ("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")


def _prepare(folder: Path) -> Sequence[str]:
    copy_sources(__file__, folder)
    fetch_with(folder, "npm", *_INSTALL)
    return ("node", "program.mjs")


LIVE: Final = Live(
    client="node",
    needs=("node", "npm"),
    prepare=_prepare,
    leaders={
        "wall:wall:nanoseconds:wall:nanoseconds": ":findPrimes:",
        "wall:cpu:nanoseconds:wall:nanoseconds": ":findPrimes:",
    },
)

if __name__ == "__main__":
    main(LIVE)
