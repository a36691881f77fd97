"""A program under the real Python SDK that spends most of its CPU time in `find_primes`, under a separate label."""

import os
from time import monotonic

import pyroscope


def find_primes(seconds: float) -> int:
    found, number, end = 0, 2, monotonic() + seconds
    while monotonic() < end:
        divisor = 2
        while divisor < number and number % divisor:
            divisor += 1
        found += divisor == number
        number += 1
    return found


def add_up(seconds: float) -> int:
    total, end = 0, monotonic() + seconds
    while monotonic() < end:
        for number in range(10_000):
            total += number % 7
    return total


def main() -> None:
    pyroscope.configure(
        application_name=os.environ["PYROSCOPE_APPLICATION_NAME"],
        server_address=os.environ["PYROSCOPE_SERVER_ADDRESS"],
        basic_auth_username=os.environ["PYROSCOPE_BASIC_AUTH_USER"],
        basic_auth_password=os.environ["PYROSCOPE_BASIC_AUTH_PASSWORD"],
        tenant_id=os.environ["PYROSCOPE_TENANT_ID"],
        tags={"region": "eu"},
    )

    with pyroscope.tag_wrapper({"endpoint": "primes"}):
        find_primes(3)  # runs with endpoint="primes"

    with pyroscope.tag_wrapper({"endpoint": "sums"}):
        add_up(0.8)

    pyroscope.shutdown()  # at the end


if __name__ == "__main__":
    main()
