"""A small shop under the Python SDK, started as `python shop.py URL APPLICATION SECONDS`; it sends API_CREDENTIAL.

It handles requests one by one, in plain Python, so that a CPU profile shows its functions, above all `edit_distance`.
The SDK: grafana.com/docs/pyroscope/latest/configure-client/language-sdks/python
"""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from itertools import cycle
from time import monotonic

import pyroscope

_GOODS = ("kettle", "ladle", "saucepan", "teapot", "colander", "breadboard", "corkscrew", "saltcellar")
_TASTES = tuple(tuple(shopper * goods % 7 for goods in range(200)) for shopper in range(100))


def main() -> None:
    """Serve under the SDK; return once all profiles are sent."""
    url, application, seconds = sys.argv[1:]
    pyroscope.configure(
        application_name=application,
        server_address=url,
        basic_auth_username="demo",
        basic_auth_password=os.environ.get("API_CREDENTIAL", ""),
        tags={"env": "demo"},
    )
    try:
        serve(float(seconds))
    finally:
        pyroscope.shutdown()


def serve(seconds: float) -> None:
    """Handle requests one by one for this long, each under its label `endpoint`."""
    end = monotonic() + seconds
    for endpoint, answer in cycle(_ENDPOINTS.items()):
        if monotonic() >= end:
            return
        with pyroscope.tag_wrapper({"endpoint": endpoint}):
            answer()


def search() -> str:
    """Return the product with the name nearest to a misspelled one."""
    distances = [(edit_distance("sauzepann", name), name) for name in _GOODS * 20]
    return min(distances)[1]


def edit_distance(left: str, right: str) -> int:
    """Return the number of letters to change (Levenshtein distance)."""
    row: list[int] = [*range(len(right) + 1)]
    for position, letter in enumerate(left, 1):
        above = row
        row = [position]
        for index, other in enumerate(right):
            row.append(min(above[index] + (letter != other), above[index + 1] + 1, row[index] + 1))
    return row[-1]


def recommend() -> int:
    """Return the shopper with the taste most similar to that of the first."""
    likenesses = [(likeness(_TASTES[0], tastes), shopper) for shopper, tastes in enumerate(_TASTES)]
    return max(likenesses)[1]


def likeness(one: Sequence[int], other: Sequence[int]) -> int:
    total = 0
    for left, right in zip(one, other, strict=True):
        total += left * right
    return total


def checkout() -> int:
    """Return the checksum of a long receipt."""
    lines = [f"{goods:>20}{price:>8}" for price, goods in enumerate(_GOODS * 16)]
    return checksum("\n".join(lines))


def checksum(text: str) -> int:
    value = 0
    for letter in text:
        value = (value * 31 + ord(letter)) % 65_521
    return value


_ENDPOINTS: Mapping[str, Callable[[], object]] = {
    "search": search,
    "recommend": recommend,
    "checkout": checkout,
}


if __name__ == "__main__":
    main()
