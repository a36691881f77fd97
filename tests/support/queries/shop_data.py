"""The data for the requests of Grafana and other clients: two services over an hour, with spans."""

import time
from dataclasses import dataclass
from typing import Any, Final

from tests.support.queries.queries import Server
from tests.support.servers.client import Client
from tests.support.uploads.profiles import CPU, Sample, labels_of, pprof_of
from tests.support.uploads.uploads import series

HOUR: Final = 3_600_000
MINUTE: Final = 60_000
SPAN: Final = "9a517183f26a089d"
TRACE: Final = "0af7651916cd43dd8448eb211c80319c"
SHOP: Final = '{service_name="shop"}'
CART: Final = '{service_name="cart"}'
SHOP_TOTAL: Final = 4 * (5 + 3)
SPAN_TOTAL: Final = 4 * 3
CART_TOTAL: Final = 4 * 7
GOROUTINES: Final = "goroutine:goroutine:count:goroutine:count"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """A tenant with profiles of shop and cart every fifteen minutes of an hour, from `start` on."""

    client: Client
    start: int

    @property
    def end(self) -> int:
        return self.start + HOUR

    @property
    def range(self) -> dict[str, Any]:
        return {"start": self.start, "end": self.end}

    def selection(self, selector: str = SHOP) -> dict[str, Any]:
        return {"profileTypeID": CPU, "labelSelector": selector, **self.range}


def shop(client: Client, start: int) -> Shop:
    """Sends the profiles."""
    server = Server(client=client)
    of_shop = [
        Sample(stack=["main", "serve", "search"], values=(5,)),
        Sample(stack=["main", "serve", "checkout"], values=(3,), labels={"span_id": SPAN, "trace_id": TRACE}),
    ]
    of_cart = [Sample(stack=["main", "add"], values=(7,))]
    for quarter in range(4):
        at = start + quarter * 15 * MINUTE
        server.push(
            series({**labels_of(env="prod"), "otel.scope.name": "shop.test"}, pprof_of(of_shop, time_ms=at)),
            series(labels_of(service_name="cart"), pprof_of(of_cart, time_ms=at + 1)),
            series(
                {**labels_of(), "__name__": "goroutine"},
                pprof_of([Sample(stack=["main"], values=(2,))], time_ms=at, types=[("goroutine", "count")]),
            ),
        )
    return Shop(client=client, start=start)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A running server with these profiles, for third-party clients."""

    url: str
    credential: str
    data: Shop


def holding_data(url: str, credential: str, tenant: str) -> Target:
    """Returns the server, after sending the profiles with times of two hours ago."""
    quarter = 15 * MINUTE
    start = (time.time_ns() // 1_000_000 // quarter - 8) * quarter
    client = Client(server=url, tenant=tenant, credential=credential)
    return Target(url=url, credential=credential, data=shop(client, start))
