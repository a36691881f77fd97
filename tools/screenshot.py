"""Takes the README's screenshot: the web page with the last hour of a made-up program, which it uploads first."""

import math
import random
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlencode
from urllib.request import urlopen

from playwright.sync_api import sync_playwright

from tools.local_server import local_server

_PICTURE: Final = Path(__file__).resolve().parent.parent / "docs/web-page.png"
_SIZE: Final = {"width": 1440, "height": 860}
_QUERY: Final = 'process_cpu:cpu:nanoseconds:cpu:nanoseconds{service_name="checkout"}'
_UPLOADS: Final = 60
_PACKAGES: Final = (
    "net/http.(*conn)",
    "github.com/acme/shop/cart.(*Handler)",
    "github.com/acme/shop/pricing.(*Engine)",
    "github.com/acme/shop/stock.(*Store)",
    "database/sql.(*DB)",
    "github.com/jackc/pgx/v5.(*Conn)",
    "encoding/json.(*Decoder)",
    "crypto/tls.(*Conn)",
    "compress/gzip.(*Writer)",
    "google.golang.org/grpc.(*ClientConn)",
    "runtime.",
)
_VERBS: Final = ("Serve", "Handle", "Query", "Decode", "Read", "Write", "Lookup", "Render", "Flush", "Apply")


def main() -> None:
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        raise SystemExit("needs Chromium: apt-get install chromium")
    with local_server() as running, sync_playwright() as playwright:
        _fill(running.url)
        chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        page = chromium.new_page(viewport=_SIZE)  # type: ignore[arg-type]  # a dictionary of both sides
        page.goto(f"{running.url}/?page=single&query={quote(_QUERY)}")
        page.get_by_role("tree").first.get_by_role("treeitem").first.wait_for(state="attached")
        page.wait_for_timeout(500)
        page.screenshot(path=_PICTURE)
        chromium.close()
    print(f"wrote {_PICTURE}")


def _fill(url: str) -> None:
    rng = random.Random(11)  # noqa: S311  # the same picture every time
    stacks = [*_stacks(rng, ["main.main"], 1.0, 20)]
    now = int(time.time())
    for minute in range(_UPLOADS):
        until = now - 60 * minute - 5
        load = 1 + 0.4 * math.sin(minute / 7) + rng.uniform(-0.1, 0.1)
        lines = [f"{';'.join(path)} {int(share * load * 6_000)}" for path, share in stacks if share > 1e-3]
        parameters = urlencode(
            {"name": "checkout{region=eu}", "from": until - 10, "until": until, "format": "folded"}
        )
        with urlopen(f"{url}/ingest?{parameters}", "\n".join(lines).encode()) as response:
            response.read()


def _stacks(
    rng: random.Random, path: list[str], share: float, depth: int
) -> Iterator[tuple[list[str], float]]:
    """Yield stacks of made-up functions, each with its share of the total."""
    own = rng.uniform(0, 0.1) if depth else 1.0
    yield path, share * own
    if not depth or share < 2e-3:
        return
    weights = [rng.random() ** 2 + 0.05 for _ in range(rng.choice((1, 2, 2, 3)))]
    for weight in weights:
        name = f"{rng.choice(_PACKAGES)}.{rng.choice(_VERBS)}".replace("..", ".")
        yield from _stacks(rng, [*path, name], share * (1 - own) * weight / sum(weights), depth - 1)


if __name__ == "__main__":
    main()
