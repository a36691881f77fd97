"""ClickHouse receives the SQL in the files of `golden/` for typical queries, inserts and commands.

`make golden` rewrites the files: commit them with the change that they show.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

import pytest
from click.testing import CliRunner

from cli.__main__ import flamehouse
from flamehouse.settings import Settings
from flamehouse.store import Store
from flamehouse.store.clickhouse_store import open_store
from flamehouse.store.connection.client import ClickHouse
from flamehouse.store.schema.migrate import migrate
from flamehouse.store.write.rollback import footprints_of, roll_back
from ingest.received import Endpoint, ReceivedUpload
from tests.support.queries.golden import compare, recording, stale_files
from tests.support.queries.queries import Server
from tests.support.queries.shop_data import HOUR, SPAN, TRACE, shop
from tests.support.uploads.counted import Counted
from tests.support.uploads.profiles import CPU, labels_of, pprof_of, sample
from tests.support.uploads.uploads import series
from tools.clickhouse_http.process import ClickHouseServer, clickhouse_server

START: Final = 1_790_000_000_000 // HOUR * HOUR
MONDAYS: Final = (1_500_249_600_000, 1_510_531_200_000)
"""Midnight (UTC) of Mondays in 2017: the cases share no partition."""
PROFILE_ID: Final = "00000000-0000-4000-8000-000000000001"
SHOP: Final[Mapping[str, Any]] = {"labelSelector": '{service_name="shop"}'}
REGEX: Final[Mapping[str, Any]] = {"labelSelector": '{service_name="shop", env=~"p.*", scope!="x"}'}
CALL_SITE: Final[Mapping[str, Any]] = {
    "stackTraceSelector": {"callSite": [{"name": "main"}, {"name": "serve"}]}
}
FRAMES: Final = {
    "frameFilter": {
        "includeFunctionNames": ["main"],
        "excludeFunctionNames": ["add"],
        "includeFunctionNameRegexes": ["^s"],
        "excludeFunctionNameRegexes": ["x$"],
    }
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """A migrated database with the profiles of one hour."""

    server: ClickHouseServer
    settings: Settings
    tenant: str = "golden"

    def another(self, name: str) -> "Database":
        """Returns a new database on the same server, with one profile."""
        another = replace(self, settings=replace(self.settings, clickhouse_database=name))
        migrate(another.settings)
        another.push(START)
        return another

    def store(self) -> Store:
        """Returns a store that has cached limits and the retention, but no names."""
        store = open_store(self.settings)
        store.limits_of(self.tenant)
        store.retention_days()
        return store

    def view(self, **settings: Any) -> Server:
        """Returns the tenant's view of a server with its own store and these additional settings."""
        return Server.on(self.store(), replace(self.settings, **settings), self.tenant)

    def push(self, time_ms: int) -> None:
        self.view().push(series(labels_of(), pprof_of([sample("ab", 1)], time_ms=time_ms)))

    def command(self, *arguments: str) -> None:
        """Runs `flamehouse` on the database."""
        place = {
            "CLICKHOUSE_DSN": self.settings.clickhouse_dsn,
            "CLICKHOUSE_DATABASE": self.settings.clickhouse_database,
        }
        CliRunner(env=place).invoke(flamehouse, arguments, catch_exceptions=False)

    def counted(self, monday: int) -> Counted:
        return Counted(server=self.view(), monday=monday)


type Case = Callable[[Database], Iterator[None]]
"""Prepares, yields, and then runs the recorded statements."""


def _rpc(name: str, /, *, hours: int = 1, **fields: Any) -> Case:
    """Returns a query of `hours` hours."""
    body = {"start": START, "end": START + hours * HOUR, **fields}

    def run(database: Database) -> Iterator[None]:
        server = database.view()
        yield
        server.client.rpc(name, body)

    return run


def _send(method: str, path: str, body: Mapping[str, Any] | None = None) -> Case:
    def run(database: Database) -> Iterator[None]:
        server = database.view()
        yield
        content = b"" if body is None else json.dumps(body).encode()
        response = server.client.send(method, path, content, {"Content-Type": "application/json"})
        assert response.status_code == 200, response.text

    return run


def _command(*arguments: str) -> Case:
    """Runs a command on a separate database."""

    def run(database: Database) -> Iterator[None]:
        another = database.another(f"golden_{arguments[0]}")
        yield
        another.command(*arguments)

    return run


def _push(database: Database) -> Iterator[None]:
    server = database.view()
    yield
    server.push(series(labels_of(), pprof_of([sample("ab", 1)], time_ms=START - 8 * HOUR)))


def _insert_batch(database: Database) -> Iterator[None]:
    """Inserts a batch of one upload, since the statements of several would be in any order."""
    store, counted = database.store(), database.counted(MONDAYS[0])
    record = ReceivedUpload(tenant=database.tenant, endpoint=Endpoint.PUSH, received_ns=0, body=b"")
    upload = counted.upload(1)
    yield
    assert not store.insert_batch([(upload, record)])


def _roll_back(database: Database) -> Iterator[None]:
    """Rolls back an upload that shares no rows with others."""
    store, upload = database.store(), database.counted(MONDAYS[1]).upload(1)
    store.insert(upload)
    clickhouse = ClickHouse(database.settings)
    yield
    for footprint in footprints_of([upload]):
        roll_back(clickhouse, footprint)


def _migrate(database: Database) -> Iterator[None]:
    settings = replace(database.settings, clickhouse_database="golden_new", retention_days=30)
    yield
    migrate(settings)


def _state(database: Database) -> Iterator[None]:
    store = open_store(database.settings)
    yield
    store.limits_of(database.tenant)
    store.retention_days()
    store.check()


def _kill(database: Database) -> Iterator[None]:
    store = database.store()
    yield
    store.stop("a tag")


_select = partial(_rpc, profileTypeID=CPU)
_stacktraces = partial(_select, "SelectMergeStacktraces", **SHOP)
_profile = partial(_select, "SelectMergeProfile", **SHOP)
_series = partial(_select, "SelectSeries", step=15)
_heatmap = partial(_select, "SelectHeatmap", step=15)
_side = {"profileTypeID": CPU, **SHOP, "start": START, "end": START + HOUR}
_range = f"from={START}&until={START + HOUR}"
_settings = "/settings.v1.SettingsService"

CASES: Final[Mapping[str, Case]] = {
    "profile_types": _rpc("ProfileTypes"),
    "label_names": _rpc("LabelNames"),
    "label_names_matched": _rpc("LabelNames", matchers=[REGEX["labelSelector"]]),
    "label_values": _rpc("LabelValues", name="service_name"),
    "label_values_matched": _rpc("LabelValues", name="env", matchers=[SHOP["labelSelector"]]),
    "series": _rpc("Series"),
    "series_of_columns": _rpc("Series", labelNames=["service_name", "__profile_type__"]),
    "series_of_labels": _rpc("Series", labelNames=["env"], matchers=[REGEX["labelSelector"]]),
    "get_profile_stats": _rpc("GetProfileStats"),
    "analyze_query": _rpc("AnalyzeQuery", query=f'{CPU}{{service_name="shop", env=~"p.*"}}'),
    "select_series": _series(**SHOP),
    "select_series_by_label": _series(**REGEX, groupBy=["env", "service_name"], limit=10),
    "select_series_average": _series(**SHOP, aggregation="TIME_SERIES_AGGREGATION_TYPE_AVERAGE"),
    "select_series_of_call_site": _series(**SHOP, **CALL_SITE),
    "select_series_with_profiles": _series(**SHOP, groupBy=["env"], exemplarType="EXEMPLAR_TYPE_INDIVIDUAL"),
    "select_series_with_spans": _series(**SHOP, exemplarType="EXEMPLAR_TYPE_SPAN"),
    "select_heatmap": _heatmap(**SHOP, queryType="HEATMAP_QUERY_TYPE_INDIVIDUAL"),
    "select_heatmap_of_spans": _heatmap(
        **REGEX,
        queryType="HEATMAP_QUERY_TYPE_SPAN",
        exemplarType="EXEMPLAR_TYPE_SPAN",
        groupBy=["env"],
        limit=10,
    ),
    "select_merge_stacktraces": _stacktraces(),
    "select_merge_stacktraces_of_days": _stacktraces(hours=48),
    "select_merge_stacktraces_by_regex": _select("SelectMergeStacktraces", **REGEX, hours=48),
    "select_merge_stacktraces_of_call_site": _stacktraces(**CALL_SITE),
    "select_merge_stacktraces_of_frames": _stacktraces(stackTraceSelector=FRAMES),
    "select_merge_stacktraces_of_profile": _stacktraces(profileIdSelector=[PROFILE_ID]),
    "select_merge_stacktraces_of_trace": _stacktraces(traceIdSelector=[TRACE]),
    "select_merge_span_profile": _select("SelectMergeSpanProfile", **SHOP, spanSelector=[SPAN]),
    "select_merge_profile": _profile(),
    "select_merge_profile_of_days": _profile(hours=48),
    "select_merge_profile_cut": _profile(maxNodes=2),
    "select_merge_profile_for_go": _profile(stackTraceSelector={"goPgo": {"keepLocations": 2}}),
    "diff": _rpc("Diff", left=_side, right={**_side, **REGEX}),
    "diff_of_days": _rpc("Diff", left={**_side, "end": START + 48 * HOUR}, right={**_side, **CALL_SITE}),
    "render": _send("GET", f"/pyroscope/render?query={CPU}{{}}&{_range}&groupBy=env"),
    "tenant_settings_get": _send("POST", f"{_settings}/Get", {}),
    "tenant_settings_set": _send(
        "POST", f"{_settings}/Set", {"setting": {"name": "a", "value": "b", "modifiedAt": "1"}}
    ),
    "push": _push,
    "insert_batch": _insert_batch,
    "roll_back": _roll_back,
    "migrate": _migrate,
    "state": _state,
    "kill": _kill,
    "maintain": _command("maintain"),
    "usage": _command("usage"),
    "limits": _command("limits", "set", "golden", "uploads_per_second=5"),
    "retention_set": _command("retention", "set", "10d", "--yes"),
    "delete_count": _command("delete", "--tenant", "golden"),
    "delete_all": _command("delete", "--tenant", "golden", "--yes", "--idle"),
    "delete_selected": _command(
        "delete", "--tenant", "golden", "--selector", REGEX["labelSelector"], "--yes"
    ),
}
"""Golden files by name, and the statements that ClickHouse receives for them."""


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    with clickhouse_server(tmp_path_factory.mktemp("golden")) as server:
        settings = Settings(clickhouse_dsn=server.dsn, retention_days=0)
        migrate(settings)
        database = Database(server=server, settings=settings)
        shop(database.view().client, START)
        yield database


@pytest.mark.parametrize("name", CASES)
def test_clickhouse_receives_the_checked_in_sql(database: Database, name: str) -> None:
    steps = CASES[name](database)
    next(steps)
    with recording(database.server) as recorded:
        next(steps, None)
    assert recorded.statements
    compare(name, recorded.text)


def test_every_golden_file_has_a_case() -> None:
    assert stale_files([*CASES]) == []
