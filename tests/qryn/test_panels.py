"""The panels of a `phlare` data source that pointed to qryn: the results of qryn's own SQL, and flamehouse's responses.

The SQL is what qryn's reader sends (../shared/reference/qryn-vectors.json), over the rows that are imported. Where numbers
differ, docs/from-qryn.md says why.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError
from google.protobuf.message import Message

from flamehouse.pb import querier_pb2, types_pb2
from flamehouse.settings import Settings
from flamehouse.store import Store
from flamehouse.store.connection.client import ClickHouse
from qryn.history import History, Receipt
from qryn.source import Range, open_source
from tests.support.qryn.database import create_qryn, insert
from tests.support.qryn.profiles import go_cpu
from tests.support.qryn.rows import input_row
from tests.support.queries.queries import EVERYTHING, Server, new_tenant
from tests.support.uploads.profiles import CPU
from tools.clickhouse_http.process import ClickHouseServer

START: Final = 1_699_999_990_123
END: Final = 1_700_000_100_456
STEP_S: Final = 15
SELECTOR: Final = '{service_name="myapp", env=~"pro.*", region!="eu"}'
"""The parameters of the SQL, as the vectors name them."""
TICK: Final = 20_000_000
"""The nanoseconds of a profile of value 1."""
PROFILES: Final = (
    (5_000, 1, "myapp", {"env": "prod", "region": "us"}),
    (12_000, 2, "myapp", {"env": "prod", "region": "us"}),
    (30_000, 4, "myapp", {"env": "preprod", "region": "us"}),
    (31_000, 8, "myapp", {"env": "prod"}),
    (40_000, 16, "myapp", {"env": "prod", "region": "eu"}),
    (50_000, 32, "other", {"env": "prod", "region": "us"}),
)
"""The milliseconds after the start, the value, the service and the tags of each."""
TYPES: Final = {CPU, "process_cpu:samples:count:cpu:nanoseconds"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Both:
    """The same profiles in qryn, queried with its own SQL, and in flamehouse."""

    client: Client
    sql: Mapping[str, str]
    server: Server

    def qryn(self, query: str) -> list[tuple[Any, ...]]:
        """Returns the rows that qryn's reader gets."""
        return [tuple(row) for row in self.client.query(self.sql[query]).result_rows]

    def qryn_total(self, query: str) -> int:
        """Returns the total of the flame graph that qryn draws: the sum of the nodes without a parent."""
        [(tree, _)] = self.qryn(query)
        return sum(total for parent, _, _, _, total in tree if not parent)

    def sent[T: Message](self, rpc: str, request: Message, response: type[T]) -> T:
        """Sends a request as the data source does; returns the response."""
        headers = {"Content-Type": "application/proto", "Connect-Protocol-Version": "1"}
        path = f"/querier.v1.QuerierService/{rpc}"
        answer = self.server.client.send("POST", path, request.SerializeToString(), headers)
        assert answer.status_code == 200, answer.text
        return response.FromString(answer.content)

    def series(self, selector: str, group_by: tuple[str, ...] = ()) -> dict[str, dict[int, float]]:
        """Returns the points of SelectSeries by the values of the labels."""
        request = querier_pb2.SelectSeriesRequest(
            profile_typeID=CPU,
            label_selector=selector,
            start=START,
            end=END,
            step=STEP_S,
            group_by=group_by,
        )
        answer = self.sent("SelectSeries", request, querier_pb2.SelectSeriesResponse)
        return {
            "/".join(pair.value for pair in each.labels): {
                point.timestamp: point.value for point in each.points
            }
            for each in answer.series
        }

    def total(self, selector: str, max_nodes: int = EVERYTHING) -> int:
        """Returns the total of SelectMergeStacktraces."""
        request = querier_pb2.SelectMergeStacktracesRequest(
            profile_typeID=CPU, label_selector=selector, start=START, end=END, max_nodes=max_nodes
        )
        answer = self.sent("SelectMergeStacktraces", request, querier_pb2.SelectMergeStacktracesResponse)
        return int(answer.flamegraph.total)


@pytest.fixture
def both(
    shared_dir: Path, qryn_server: ClickHouseServer, clickhouse: ClickHouse, store: Store, settings: Settings
) -> Both:
    database, tenant = f"qryn_{uuid4().hex}", new_tenant()
    client = create_qryn(qryn_server, database)
    insert(
        client,
        [
            input_row(go_cpu(START + after, value=value), service, [*tags.items()])
            for after, value, service, tags in PROFILES
        ],
    )
    source = open_source(
        ClickHouse(Settings(clickhouse_dsn=qryn_server.dsn, clickhouse_database=database)), database
    )
    within = Range(from_ns=0, until_ns=(1 << 63) - 1)
    bounds = source.bounds(within)
    assert bounds is not None
    receipt = Receipt(tenant=tenant, received_ns=END * 1_000_000)
    history = History(source=source, clickhouse=clickhouse, settings=settings, receipt=receipt)
    history.run(within, source.windows(within, bounds), lambda: None)
    assert history.counts.stored == len(PROFILES)
    vectors = json.loads((shared_dir / "reference/qryn-vectors.json").read_text())
    return Both(client=client, sql=vectors["reader_sql"], server=Server.on(store, settings, tenant))


def test_pickers_offer_the_types_and_labels_that_qryn_offers(both: Both) -> None:
    types = both.sent(
        "ProfileTypes",
        querier_pb2.ProfileTypesRequest(start=START, end=END),
        querier_pb2.ProfileTypesResponse,
    )
    ours = {each.ID for each in types.profile_types}
    assert ours == TYPES
    for type_id, (name, unit) in both.qryn("ProfileTypes"):
        type_, rest = type_id.split(":", 1)
        assert f"{type_}:{name}:{unit}:{rest}" in ours
    names = both.sent(
        "LabelNames", types_pb2.LabelNamesRequest(start=START, end=END), types_pb2.LabelNamesResponse
    )
    shown = {name for name in names.names if not name.startswith("__")}
    assert shown == {name for (name,) in both.qryn("LabelNames_nomatch")} == {"env", "region", "service_name"}
    values = both.sent(
        "LabelValues",
        types_pb2.LabelValuesRequest(name="env", start=START, end=END),
        types_pb2.LabelValuesResponse,
    )
    assert [*values.names] == sorted(value for (value,) in both.qryn("LabelValues"))


def test_a_flame_graph_of_everything_has_the_same_total_as_in_qryn(both: Both) -> None:
    assert both.total("{}") == both.qryn_total("SelectMergeStacktraces_empty") == 63 * TICK
    assert both.total("{}", max_nodes=2) == 63 * TICK


def test_a_selector_matches_whole_values_and_series_without_the_label(both: Both) -> None:
    assert both.qryn_total("SelectMergeStacktraces") == (1 + 2 + 4) * TICK
    assert both.total(SELECTOR) == (1 + 2 + 8) * TICK
    qryns = both.qryn("SelectSeries_sum")
    assert sum(value for *_, value in qryns) == (1 + 2 + 4) * TICK
    [ours] = both.series(SELECTOR).values()
    assert sum(ours.values()) == (1 + 2 + 8) * TICK


def test_a_time_series_is_one_series_with_qryns_sum_and_points_at_the_end_of_their_step(
    both: Both,
) -> None:
    qryns = both.qryn("SelectSeries_empty")
    assert len({fingerprint for _, fingerprint, _, _ in qryns}) == 5
    [ours] = both.series("{}").values()
    assert sum(ours.values()) == sum(value for *_, value in qryns) == 63 * TICK
    assert ours == {
        START + 15_000: 3 * TICK,
        START + 30_000: 4 * TICK,
        START + 45_000: 24 * TICK,
        START + 60_000: 32 * TICK,
    }
    floors: dict[int, float] = {}
    for timestamp, _, _, value in qryns:
        floors[timestamp] = floors.get(timestamp, 0) + value
    assert floors == {
        1_699_999_995_000: 3 * TICK,
        1_700_000_010_000: 12 * TICK,
        1_700_000_025_000: 16 * TICK,
        1_700_000_040_000: 32 * TICK,
    }


def test_groups_have_the_labels_that_were_requested(both: Both) -> None:
    qryns = {
        "/".join(value for _, value in sorted(labels)): value
        for _, _, labels, value in both.qryn("SelectSeries_sum_groupby")
        if value
    }
    assert {*qryns} == {"prod/myapp", "preprod/myapp"}
    ours = both.series(SELECTOR, ("env", "service_name"))
    assert {name: sum(points.values()) for name, points in ours.items()} == {"prod/myapp": 11 * TICK}


def test_an_average_is_returned_where_qryn_fails(both: Both) -> None:
    with pytest.raises(DatabaseError):
        both.qryn("SelectSeries_avg")
    request = querier_pb2.SelectSeriesRequest(
        profile_typeID=CPU,
        label_selector="{}",
        start=START,
        end=END,
        step=STEP_S,
        aggregation=types_pb2.TIME_SERIES_AGGREGATION_TYPE_AVERAGE,
    )
    answer = both.sent("SelectSeries", request, querier_pb2.SelectSeriesResponse)
    assert [point.value for point in answer.series[0].points] == [1.5 * TICK, 4 * TICK, 12 * TICK, 32 * TICK]


def test_the_oldest_data_sources_send_no_range(both: Both) -> None:
    for rpc, request in (
        ("ProfileTypes", querier_pb2.ProfileTypesRequest()),
        ("LabelNames", types_pb2.LabelNamesRequest()),
        ("LabelValues", types_pb2.LabelValuesRequest(name="service_name")),
    ):
        both.sent(rpc, request, types_pb2.LabelNamesResponse)
