"""A local server's settings and ad hoc profiles survive a restart, however its process ended."""

from pathlib import Path
from signal import SIGKILL, SIGTERM, Signals

import pytest

from tests.support.queries.queries import new_tenant
from tests.support.servers.client import Client
from tests.support.servers.local_server import running
from tests.support.uploads.adhoc_files import AdHoc
from tests.support.uploads.profiles import pprof_of, sample

SETTING = b'{"setting": {"name": "pluginSettings", "value": "{}", "modifiedAt": "5"}}'
JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize("with_signal", [SIGTERM, SIGKILL])
def test_settings_and_files_outlive_a_restart(tmp_path: Path, with_signal: Signals) -> None:
    tenant = new_tenant()
    profile = pprof_of([sample(["main", "work"], 7)], time_ms=1)
    with running(tmp_path) as server:
        client = Client(server=server.url, tenant=tenant)
        uploaded = AdHoc(client=client).upload(profile.SerializeToString(), "cpu.pprof")
        assert client.send("POST", "/settings.v1.SettingsService/Set", SETTING, JSON).status_code == 200
        server.stop(with_signal)
    with running(tmp_path) as server:
        client = Client(server=server.url, tenant=tenant)
        assert AdHoc(client=client).get(uploaded.id) == uploaded
        assert [each.id for each in AdHoc(client=client).list_()] == [uploaded.id]
        settings = client.send("POST", "/settings.v1.SettingsService/Get", b"{}", JSON).json()["settings"]
        assert settings == [{"name": "pluginSettings", "value": "{}", "modifiedAt": "5"}]
