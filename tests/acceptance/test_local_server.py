"""The local server under load: every acknowledged upload is stored exactly once, however the process ends."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from signal import SIGKILL, SIGTERM, Signals
from threading import Thread
from time import sleep

import httpx

from tests.support.queries.queries import Server, new_tenant, some_monday_ms
from tests.support.servers.client import Client
from tests.support.servers.local_server import LocalServer, running
from tests.support.uploads.counted import Counted, once, upload_series
from tests.support.uploads.uploads import PUSH, pushed

CLIENTS = 4
ENDS = ((SIGKILL, 3, -9), (SIGTERM, 8, 0), (SIGKILL, 15, -9))
"""How each process ends, after how many acknowledged uploads, and its exit status."""


@dataclass(kw_only=True)
class Load:
    """Clients that send one upload after the other until the server has ended."""

    data_dir: Path
    tenant: str = field(default_factory=new_tenant)
    monday: int = field(default_factory=some_monday_ms)
    numbers: Iterator[int] = field(default_factory=count)
    acknowledged: set[int] = field(default_factory=set)
    in_doubt: set[int] = field(default_factory=set)

    def end(self, server: LocalServer, with_signal: Signals, uploads: int) -> int:
        """Loads the server, ends it while it stores an upload after the first `uploads`, and returns its exit status."""
        enough = len(self.acknowledged) + uploads
        clients = [Thread(target=self._send_all, args=(server.url,)) for _ in range(CLIENTS)]
        for client in clients:
            client.start()
        while len(self.acknowledged) < enough or not [*(self.data_dir / "log").glob("*.log")]:
            assert server.process.poll() is None
            sleep(0.001)
        status = server.stop(with_signal)
        for client in clients:
            client.join()
        return status

    def check(self, server: LocalServer) -> None:
        """Checks that each acknowledged upload is counted once, any other at most once, and after a retry all once."""
        counted = Counted(
            server=Server(client=Client(server=server.url, tenant=self.tenant)), monday=self.monday
        )
        counts = counted.counts()
        stored = {int(name.removeprefix("upload ")) for name in counts["profiles, week 1"]}
        assert counts == once(stored)
        assert self.acknowledged <= stored <= self.acknowledged | self.in_doubt
        for number in (*self.in_doubt, *sorted(self.acknowledged)[-3:]):
            assert counted.send(number) == 200
        self.acknowledged |= self.in_doubt
        self.in_doubt.clear()
        assert counted.counts() == once(self.acknowledged)

    def _send_all(self, url: str) -> None:
        headers = {"Content-Type": "application/proto", "X-Scope-OrgID": self.tenant}
        with httpx.Client(base_url=url, headers=headers, timeout=30) as client:
            for number in self.numbers:
                self.in_doubt.add(number)
                try:
                    response = client.post(PUSH, content=pushed(upload_series(self.monday, number)))
                except httpx.TransportError:
                    return
                assert response.status_code == 200, response.text
                self.acknowledged.add(number)
                self.in_doubt.remove(number)


def test_acknowledged_uploads_are_counted_once_however_the_process_ends(tmp_path: Path) -> None:
    load = Load(data_dir=tmp_path)
    for with_signal, uploads, status in ENDS:
        with running(tmp_path, RETENTION_DAYS="0") as server:
            load.check(server)
            assert load.end(server, with_signal, uploads) == status
    with running(tmp_path, RETENTION_DAYS="0") as server:
        load.check(server)
