"""Profiles for the tests of the web page: two services over the last two hours, in two regions."""

import time
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

import httpx

from flamehouse.pb.profile_pb2 import Function, Line, Location, Profile, Sample, ValueType

TYPE: Final = "process_cpu:cpu:nanoseconds:cpu:nanoseconds"
HOSTILE: Final = "<img src=x onerror=alert(1)>"
RIGHT_TO_LEFT: Final = "\u202eevil\u202c שלום e\u0301"
LONG: Final = "github.com/acme/shop/" + "deeply/" * 280 + "nested.(*Tree).Walk"
STACKS: Final = """\
main.main;net/http.(*conn).serve;github.com/acme/shop/checkout.(*Handler).ServeHTTP;encoding/json.Marshal {json}
main.main;net/http.(*conn).serve;github.com/acme/shop/checkout.(*Handler).ServeHTTP;database/sql.(*DB).Query 300
main.main;net/http.(*conn).serve;github.com/acme/shop/checkout.(*Handler).ServeHTTP 20
main.main;github.com/acme/shop/checkout.fib;github.com/acme/shop/checkout.fib;github.com/acme/shop/checkout.fib 90
runtime.gcBgMarkWorker;runtime.gcDrain 60
"""
_STRANGE: Final = f"{HOSTILE};{HOSTILE} 5\n{RIGHT_TO_LEFT};work 4\n{LONG} 3\n ;work 2\n"
_MINUTES: Final = range(0, 120, 10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """A server with profiles, the newest one minute old."""

    url: str

    def rpc(self, name: str, request: dict[str, object]) -> dict[str, object]:
        """Calls an RPC in JSON."""
        response = httpx.post(f"{self.url}/querier.v1.QuerierService/{name}", json=request, timeout=30)
        assert response.status_code == 200, response.text
        body: dict[str, object] = response.json()
        return body


def fill(url: str) -> Filled:
    """Sends the profiles; in the later hour, JSON takes twice as much in `eu`."""
    now = int(time.time())
    for minutes in _MINUTES:
        until = now - 60 - minutes * 60
        for region in ("eu", "us"):
            slow = region == "eu" and minutes < 60
            labels = f"region={region},service_repository=https://github.com/acme/shop,service_git_ref=main"
            send(url, f"checkout{{{labels}}}", until, STACKS.format(json=400 if slow else 200))
    send(url, f'strange{{quoted=it\'s "so",html={HOSTILE.replace("=", "")}}}', now - 60, _STRANGE)
    for pod in range(13):
        send(url, f"scattered{{pod=pod-{pod}}}", now - 60, f"main.main {pod + 1}\n")
    send_with_source(url, now - 60, "https://github.com/acme/shop")
    return Filled(url=url)


def send_with_source(url: str, until: int, repository: str) -> None:
    """Sends the service `sourced`: one function in a file of the repository that its labels name, and one elsewhere."""
    texts = [
        "",
        "cpu",
        "nanoseconds",
        "shop.Pay",
        repository.removeprefix("https://") + "/pay.go",
        "libc.write",
        "/usr/lib/libc.so",
    ]
    pprof = Profile(
        string_table=texts,
        sample_type=[ValueType(type=1, unit=2)],
        period_type=ValueType(type=1, unit=2),
        period=10_000_000,
        time_nanos=until * 1_000_000_000,
        duration_nanos=10_000_000_000,
        function=[Function(id=1, name=3, filename=4, start_line=12), Function(id=2, name=5, filename=6)],
        location=[
            Location(id=1, line=[Line(function_id=1, line=14)]),
            Location(id=2, line=[Line(function_id=2)]),
        ],
        sample=[Sample(location_id=[2, 1], value=[20_000_000])],
    )
    labels = f"service_repository={repository},service_git_ref=v1.2"
    parameters = urlencode({"name": f"sourced{{{labels}}}", "from": until - 10, "until": until})
    response = httpx.post(f"{url}/ingest?{parameters}", content=pprof.SerializeToString(), timeout=30)
    assert response.status_code == 200, response.text


def send(url: str, name: str, until: int, stacks: str) -> None:
    """Sends collapsed stacks of the ten seconds before `until`, with the service and labels of `name`."""
    parameters = urlencode({"name": name, "from": until - 10, "until": until, "format": "folded"})
    response = httpx.post(f"{url}/ingest?{parameters}", content=stacks.encode(), timeout=30)
    assert response.status_code == 200, response.text
