"""Profile a small program into a running server, and print the server's flame graph.

The server is the one that `make run` starts with the same PORT and API_CREDENTIAL, or FLAMEHOUSE_URL.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from cli.options import Range, Selection
from cli.output import print_lines
from cli.profiles import merged_tree
from cli.server import Server, ServerError
from cli.tree import text_of
from cli.units import scale_of

_PROGRAM = Path(__file__).with_name("shop.py")
_APPLICATION = "flamehouse.demo"
_PROFILE_TYPE = "process_cpu:cpu:nanoseconds:cpu:nanoseconds"
_SELECTOR = f'{{service_name="{_APPLICATION}"}}'
_LEAST_SHARE = 0.01


def main() -> None:
    """Run the demo. Raises SystemExit with one line if the server is unreachable or rejects a request."""
    parser = argparse.ArgumentParser(
        prog="demo", description="Profile a small program and print its profile."
    )
    parser.add_argument("--seconds", type=float, default=5, help="how long to profile (default: %(default)g)")
    seconds = parser.parse_args().seconds
    local = f"http://127.0.0.1:{os.environ.get('PORT') or '4040'}"
    url = (os.environ.get("FLAMEHOUSE_URL") or local).rstrip("/")
    server = Server(
        url=url,
        credential=os.environ.get("API_CREDENTIAL", ""),
        tenant=os.environ.get("FLAMEHOUSE_TENANT", ""),
    )
    try:
        server.check_ready()
        print(f"Profiling tools/{_PROGRAM.name} into {url} for {seconds:g} s ...\n", flush=True)
        print_report(server, profile(url, seconds))
    except ServerError as error:
        raise SystemExit(f"demo: {error}") from error


def profile(url: str, seconds: float) -> Range:
    """Run the program; return the range from its start until it has sent its profiles."""
    start_ms = time.time_ns() // 1_000_000
    subprocess.run([sys.executable, _PROGRAM, url, _APPLICATION, str(seconds)], check=True)
    return Range(start_ms=start_ms, end_ms=time.time_ns() // 1_000_000)


def print_report(server: Server, within: Range) -> None:
    """Print the run's profile as `flamehouse flame` does. Raises ServerError if the server has none."""
    selection = Selection(selector=_SELECTOR, type_id=_PROFILE_TYPE, within=within)
    root = merged_tree(server, selection)
    print_lines([selection.title, ""])
    print_lines(text_of(root, scale_of(selection.unit, root.total), least_share=_LEAST_SHARE))
    print(
        f"\nFrames below {_LEAST_SHARE:.0%} are omitted. Every request ran under a label: the selector\n"
        f'{{service_name="{_APPLICATION}", endpoint="search"}} selects only the searches:\n'
        f'  flamehouse flame \'{{service_name="{_APPLICATION}", endpoint="search"}}\''
    )


if __name__ == "__main__":
    main()
