"""python -m tools.clickhouse_http PATH: serve the chDB at PATH until SIGTERM; the first line printed is the URL."""

import argparse
import logging
import os
import signal
from threading import Thread
from typing import Final

from tools.clickhouse_http.engine import Engine
from tools.clickhouse_http.server import REQUESTS_LOG, Server
from tools.clickhouse_http.statement import Account

_STOP: Final = (signal.SIGTERM, signal.SIGINT)


def main() -> None:
    """Serve until SIGTERM; the environment variable CLICKHOUSE_PASSWORD is the user's password."""
    arguments = _arguments()
    os.environ["TZ"] = "UTC"
    engine = Engine(arguments.path, arguments.grant, arguments.profile)
    account = Account(user=arguments.user, password=os.environ.get("CLICKHOUSE_PASSWORD", ""))
    if arguments.requests:
        handler = logging.FileHandler(arguments.requests)
        logging.getLogger(REQUESTS_LOG).addHandler(handler)
        logging.getLogger(REQUESTS_LOG).setLevel(logging.INFO)
    with Server(arguments.port, engine, account) as server:
        signal.pthread_sigmask(signal.SIG_BLOCK, _STOP)
        Thread(target=server.serve_forever, daemon=True).start()
        print(f"http://127.0.0.1:{server.server_port}", flush=True)
        signal.sigwait(_STOP)
        server.shutdown()
    engine.wait()
    # Do not close the engine: that takes seconds, or forever if merges are stopped, and the data survives without it.
    os._exit(0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.clickhouse_http", description=__doc__)
    parser.add_argument("path", help="the engine's data folder")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--user", default="default")
    parser.add_argument(
        "--grant", action="append", default=[], help="a grant of the user; without any, everything is allowed"
    )
    parser.add_argument("--profile", default="", help="the user's settings profile, if there are grants")
    parser.add_argument("--requests", help="a file for the received statements, one JSON object a line")
    return parser.parse_args()


if __name__ == "__main__":
    main()
