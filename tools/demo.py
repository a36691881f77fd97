"""Profile a small program into a running server, and print the flame graph that the server makes of it.

The server is the one that `make run` starts with the same PORT and API_CREDENTIAL, or FLAMEHOUSE_URL names another.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from tools.question import Server, ServerError
from tools.tree import text_of, tree_of

_PROGRAM = Path(__file__).with_name("shop.py")
_APPLICATION = "flamehouse.demo"
_PROFILE_TYPE = "process_cpu:cpu:nanoseconds:cpu:nanoseconds"
_SELECTOR = f'{{service_name="{_APPLICATION}"}}'
_LEAST_SHARE = 0.01


def main() -> None:
    """Run the demo; SystemExit with one line where the server is not there or refuses."""
    parser = argparse.ArgumentParser(
        prog="demo", description="Profile a small program and print its profile."
    )
    parser.add_argument("--seconds", type=float, default=5, help="how long to profile (default: %(default)g)")
    seconds = parser.parse_args().seconds
    local = f"http://127.0.0.1:{os.environ.get('PORT') or '4040'}"
    url = (os.environ.get("FLAMEHOUSE_URL") or local).rstrip("/")
    server = Server(url=url, credential=os.environ.get("API_CREDENTIAL", ""))
    try:
        server.check_ready()
        print(f"Profiling tools/{_PROGRAM.name} into {url} for {seconds:g} s ...\n", flush=True)
        print(report(server, *profile(url, seconds)))
    except ServerError as error:
        raise SystemExit(f"demo: {error}") from error


def profile(url: str, seconds: float) -> tuple[int, int]:
    """Run the program; when it began and when it had sent its profiles, in milliseconds since the epoch."""
    start_ms = time.time_ns() // 1_000_000
    subprocess.run([sys.executable, _PROGRAM, url, _APPLICATION, str(seconds)], check=True)
    return start_ms, time.time_ns() // 1_000_000


def report(server: Server, start_ms: int, end_ms: int) -> str:
    """What SelectMergeStacktraces answers about that time; ServerError if there is nothing."""
    flamegraph = server.merged_flamegraph(
        profile_type=_PROFILE_TYPE, selector=_SELECTOR, start_ms=start_ms, end_ms=end_ms
    )
    if not flamegraph.total:
        raise ServerError(f"{server.url} has no profile of this run: it refused what the SDK sent")
    tree = "\n".join(text_of(tree_of(flamegraph), least_share=_LEAST_SHARE))
    return (
        f"{_PROFILE_TYPE}{_SELECTOR}\n\n{tree}\n\n"
        f"Frames below {_LEAST_SHARE:.0%} are left out. Every request ran under a label: the selector\n"
        f'{{service_name="{_APPLICATION}", endpoint="search"}} selects the searches alone.'
    )


if __name__ == "__main__":
    main()
