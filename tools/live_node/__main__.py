"""`python -m tools.live_node`: the real Node.js SDK profiles a program into a local server, and what leads is checked.

The SDK: grafana.com/docs/pyroscope/latest/configure-client/language-sdks/nodejs
"""

import shutil
import subprocess
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from tools.local_server import local_server
from tools.question import ServerError, merged_flamegraph
from tools.tree import every_frame, text_of, tree_of

_SOURCES = Path(__file__).parent
_FILES = (".npmrc", "package.json", "package-lock.json", "program.mjs")
_APPLICATION = "live.node"
_HOT_FUNCTION = "findPrimes"
_PROFILE_TYPES = ("wall:wall:nanoseconds:wall:nanoseconds", "wall:cpu:nanoseconds:wall:nanoseconds")
_LEAST_SHARE = 0.01


def main() -> None:
    """Print the flame graphs; SystemExit with one line where the hot function does not lead them."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        print("live-node: skipped, since node and npm are not both on this machine")
        return
    with TemporaryDirectory(prefix="live-node-") as folder, local_server() as server:
        _install(npm, Path(folder))
        start_ms = time.time_ns() // 1_000_000
        subprocess.run([node, "program.mjs", server.url, _APPLICATION], cwd=folder, check=True)
        end_ms = time.time_ns() // 1_000_000
        try:
            for profile_type in _PROFILE_TYPES:
                _check(server.url, profile_type, start_ms, end_ms)
        except ServerError as error:
            raise SystemExit(f"live-node: {error}") from error


def _install(npm: str, folder: Path) -> None:
    for name in _FILES:
        shutil.copy(_SOURCES / name, folder)
    options = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    subprocess.run([npm, "ci", *options], cwd=folder, check=True)


def _check(url: str, profile_type: str, start_ms: int, end_ms: int) -> None:
    flamegraph = merged_flamegraph(
        url,
        profile_type=profile_type,
        selector=f'{{service_name="{_APPLICATION}"}}',
        start_ms=start_ms,
        end_ms=end_ms,
    )
    root = tree_of(flamegraph)
    print(f"{profile_type}\n")
    print("\n".join(text_of(root, least_share=_LEAST_SHARE)), end="\n\n")
    hottest = max(every_frame(root), key=lambda frame: frame.self_value).name
    if f":{_HOT_FUNCTION}:" not in hottest:
        raise SystemExit(f"live-node: {hottest!r} leads {profile_type}, and {_HOT_FUNCTION} should")


if __name__ == "__main__":
    main()
