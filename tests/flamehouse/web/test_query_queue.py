"""Queries and uploads run a few at a time, tenants take turns, and nothing else waits for them."""

import asyncio
import base64
import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from threading import Event, Semaphore
from typing import Final

import httpx
import pytest

from all_in_one import create_app
from flamehouse.deadline import time_limit
from flamehouse.errors import Code, RpcError
from flamehouse.identity.tenant import Tenants
from flamehouse.model.profile import Upload
from flamehouse.model.time_range import TimeRange
from flamehouse.query_queue import Place, QueryQueue
from flamehouse.services import Services
from flamehouse.settings import Settings
from flamehouse.store import Record
from tests.support.servers.doubles import CannedStore
from tests.support.uploads.profiles import pprof_of, sample

PROFILE_TYPES = "/querier.v1.QuerierService/ProfileTypes"
UPLOAD = "/ingest?name=shop&format=folded"
PUSH = "/push.v1.PusherService/Push"
RUNNING = 45
"""More than the 40 threads that uploads and readiness share."""


def push_of(name: str) -> bytes:
    """Returns a request with a profile of one function."""
    profile = pprof_of([sample(name, 1)], time_ms=time.time_ns() // 1_000_000).SerializeToString()
    labels = [{"name": "__name__", "value": "process_cpu"}, {"name": "service_name", "value": "shop"}]
    raw = {"rawProfile": base64.b64encode(profile).decode()}
    return json.dumps({"series": [{"labels": labels, "samples": [raw]}]}).encode()


BODIES: Final[Mapping[str, Callable[[str], bytes]]] = {
    UPLOAD: lambda name: f"main;{name} 1".encode(),
    PUSH: push_of,
}
"""A body for each path, with a function of that name."""


@dataclass(kw_only=True)
class BusyStore(CannedStore):
    """A store whose queries end once `released` is set, and whose inserts each take one of the `permits` to end.

    `inserted` lists the tenants of the inserts in the order in which they began.
    """

    begun: Semaphore = field(default_factory=lambda: Semaphore(0))
    released: Event = field(default_factory=Event)
    permits: Semaphore = field(default_factory=lambda: Semaphore(0))
    inserted: list[str] = field(default_factory=list)

    def insert(self, upload: Upload, record: Record | None = None) -> None:
        super().insert(upload, record)
        self.inserted.append(upload.tenant)
        self.begun.release()
        assert self.permits.acquire(timeout=30)

    def profile_types(self, tenants: Tenants, within: TimeRange) -> list[str]:
        found = super().profile_types(tenants, within)
        self.begun.release()
        assert self.released.wait(30)
        return found


@dataclass(kw_only=True)
class BusyServer:
    """A server on a busy store, and its client."""

    running: int
    waiting: int = 100
    refusal_delay_s: float = 0
    store: BusyStore = field(default_factory=BusyStore)

    def __post_init__(self) -> None:
        self.queries = QueryQueue(self.running, self.waiting)
        services = Services(
            settings=Settings(),
            store=self.store,
            queries=self.queries,
            refusal_delay_s=self.refusal_delay_s,
        )
        self.uploads = services.uploads
        transport = httpx.ASGITransport(create_app(lambda: services))
        self.client = httpx.AsyncClient(transport=transport, base_url="http://flamehouse")

    def query(self, **headers: str) -> asyncio.Task[httpx.Response]:
        """Sends a query."""
        return asyncio.create_task(self.client.post(PROFILE_TYPES, json={}, headers=headers))

    def upload(self, tenant: str, name: str = "a", path: str = UPLOAD) -> asyncio.Task[httpx.Response]:
        """Sends an upload."""
        headers = {"X-Scope-OrgID": tenant, "Content-Type": "application/json"}
        return asyncio.create_task(self.client.post(path, content=BODIES[path](name), headers=headers))

    async def busy_with(self, queries: int) -> list[asyncio.Task[httpx.Response]]:
        """Sends this many queries, and waits until all of them run."""
        tasks = [self.query() for _ in range(queries)]
        for _ in tasks:
            await asyncio.to_thread(self.store.begun.acquire)
        return tasks

    async def released(self, tasks: Sequence[asyncio.Task[httpx.Response]]) -> list[int]:
        """Lets all queries end; returns the statuses of `tasks`."""
        self.store.released.set()
        return [response.status_code for response in await asyncio.gather(*tasks)]


def test_uploads_and_readiness_do_not_wait_for_queries() -> None:
    async def run() -> None:
        server = BusyServer(running=RUNNING)
        tasks = await server.busy_with(RUNNING)
        waiting = [server.query() for _ in range(5)]
        assert (await server.client.get("/ready")).status_code == 200
        server.store.permits.release()
        assert (await server.upload("shop")).status_code == 200
        assert await server.released([*tasks, *waiting]) == [200] * (RUNNING + 5)

    asyncio.run(run())


def wait_for_tenant(queue: QueryQueue, tenant: str) -> None:
    """Returns once a request of the tenant waits."""
    while tenant not in queue._waiting:  # noqa: SLF001  # nothing else shows it
        time.sleep(0.01)


@pytest.mark.parametrize("path", [UPLOAD, PUSH])
def test_one_tenants_uploads_do_not_delay_others(path: str) -> None:
    async def run() -> None:
        server = BusyServer(running=1)
        flood = [server.upload("flood", str(number), path) for number in range(50)]
        for _ in range(40):
            await asyncio.to_thread(server.store.begun.acquire)
        calm = server.upload("calm", "0", path)
        # Neither needs a thread that an upload occupies.
        assert (await server.client.get("/ready")).status_code == 200
        assert (await server.client.post("/version.v1.Version/Version", json={})).status_code == 200
        assert server.store.inserted == ["flood"] * 40
        await asyncio.to_thread(wait_for_tenant, server.uploads, "calm")
        # One at a time: the order of two that begin at once is undefined.
        for _ in range(2):
            server.store.permits.release()
            await asyncio.to_thread(server.store.begun.acquire)
        # Ten requests of the flood were waiting before it.
        assert server.store.inserted[40:] == ["flood", "calm"]
        server.store.permits.release(50)
        assert await server.released([*flood, calm]) == [200] * 51

    asyncio.run(run())


def test_a_response_to_a_request_over_a_limit_waits_while_others_are_served() -> None:
    async def run() -> None:
        server = BusyServer(running=1, waiting=0, refusal_delay_s=3_600)
        tasks = await server.busy_with(1)
        over = [server.query() for _ in range(3)]
        server.store.permits.release()
        assert (await server.upload("shop")).status_code == 200
        _, waiting = await asyncio.wait(over, timeout=0.1)
        assert len(waiting) == 3
        for each in over:
            each.cancel()
        assert await server.released(tasks) == [200]

    asyncio.run(run())


def test_queries_of_several_tenants_have_their_own_queue() -> None:
    async def run() -> None:
        server = BusyServer(running=1)
        tasks = await server.busy_with(1)
        several = [server.query(**{"X-Scope-OrgID": "b|a"}) for _ in range(3)]
        await asyncio.to_thread(wait_for_tenant, server.queries, "a|b")
        own = server.query(**{"X-Scope-OrgID": "a"})
        await asyncio.to_thread(wait_for_tenant, server.queries, "a")
        assert await server.released([*tasks, *several, own]) == [200] * 5
        # The second turn is the tenant's: earlier queries of several tenants delay it by one only.
        assert [tenants for _, tenants, _ in server.store.calls[1:3]] == ["a|b", "a"]

    asyncio.run(run())


def test_a_full_queue_rejects_queries_and_says_when_to_retry() -> None:
    async def run() -> None:
        server = BusyServer(running=2, waiting=1)
        tasks = await server.busy_with(2)
        more = [server.query() for _ in range(3)]
        rejected, waiting = set[asyncio.Task[httpx.Response]](), set(more)
        while len(waiting) > 1:
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            rejected |= done
        for response in [await task for task in rejected]:
            assert (response.status_code, response.headers["Retry-After"]) == (429, "5")
            assert response.json() == {
                "code": "resource_exhausted",
                "message": "too many queries are waiting; send fewer at a time",
            }
        assert sorted(await server.released([*tasks, *more])) == [200, 200, 200, 429, 429]
        assert len(server.store.calls) == 3

    asyncio.run(run())


def test_a_waiting_query_ends_at_its_clients_timeout() -> None:
    async def run() -> None:
        server = BusyServer(running=1, waiting=1)
        tasks = await server.busy_with(1)
        late = await server.query(**{"Connect-Timeout-Ms": "50"})
        assert (late.status_code, late.json()["code"]) == (504, "deadline_exceeded")
        # Its place is free again.
        waiting = server.query()
        assert await server.released([*tasks, waiting]) == [200, 200]
        assert len(server.store.calls) == 2

    asyncio.run(run())


def test_tenants_take_turns() -> None:
    async def run() -> list[str]:
        queue, admitted = QueryQueue(running=1), list[str]()

        async def query(tenant: str) -> None:
            with queue.place(tenant) as place:
                await place.admission()
                admitted.append(tenant)
                await asyncio.sleep(0)

        async with asyncio.TaskGroup() as group:
            for tenant in "aaaabbc":
                group.create_task(query(tenant))
        return admitted

    # The first of a runs at once; then each tenant has its turn.
    assert "".join(asyncio.run(run())) == "aabcaba"


def test_a_tenant_cannot_fill_the_queue() -> None:
    async def run() -> None:
        queue = QueryQueue(running=1)
        with ExitStack() as places:
            for _ in range(65):
                places.enter_context(queue.place("a"))
            with pytest.raises(RpcError) as raised, queue.place("a"):
                pass
            assert raised.value.code is Code.RESOURCE_EXHAUSTED
            places.enter_context(queue.place("b"))

    asyncio.run(run())


def test_an_abandoned_place_in_the_queue_lets_the_next_query_run() -> None:
    async def run() -> None:
        queue = QueryQueue(running=1)
        with queue.place("a") as running:
            await running.admission()
            assert not running.abandon()
            with queue.place("a") as abandoned, queue.place("a") as next_:
                assert abandoned.abandon()
                with pytest.raises(RpcError) as raised:
                    await abandoned.admission()
                assert raised.value.code is Code.CANCELED
                assert not await admitted(next_)
        with queue.place("a") as free:
            assert await admitted(free)

    asyncio.run(run())


async def admitted(place: Place) -> bool:
    """Reports whether the query may run now."""
    with time_limit(0):
        try:
            await place.admission()
        except RpcError:
            return False
        return True
