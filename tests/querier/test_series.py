"""Series, in both encodings, and on a store: the distinct label sets of the selected series."""

import json
from collections.abc import Mapping, Sequence

import pytest

from flamehouse.model.label_sets import LabelSetsQuery
from flamehouse.model.labels import LabelSet
from flamehouse.model.selector import parse_selector
from flamehouse.model.time_range import TimeRange
from flamehouse.pb.querier_pb2 import SeriesRequest, SeriesResponse
from flamehouse.settings import Settings
from flamehouse.store import Store
from flamehouse.store.connection.client import ClickHouse
from flamehouse.store.read import labels as labels_query
from flamehouse.store.read.reader import Reader
from tests.support.queries.queries import Server, some_monday_ms
from tests.support.servers.apps import Querier
from tests.support.servers.client import Client
from tests.support.servers.doubles import CannedStore, RecordedClickHouse
from tests.support.uploads.profiles import CPU, labels_of, pprof_of, sample
from tests.support.uploads.uploads import series

DAY = 86_400_000
UTF8 = {"Accept": "*/*;allow-utf8-labelnames=true"}
HEAP = "memory:cpu:nanoseconds:cpu:nanoseconds"
DRILLDOWN = ("service_name", "__profile_type__")


@pytest.mark.parametrize("proto", [True, False])
def test_label_sets_have_the_stores_order(proto: bool) -> None:
    sets: Sequence[LabelSet] = ((("a", "1"), ("b", "2")), (("a", "2"),))
    request = SeriesRequest(matchers=['{pod!=""}'], label_names=["b", "a"])
    response = Querier(store=CannedStore(sets=sets)).call("Series", request, SeriesResponse, proto=proto)
    assert [[(pair.name, pair.value) for pair in each.labels] for each in response.labels_set] == [
        [("a", "1"), ("b", "2")],
        [("a", "2")],
    ]
    assert response.SerializeToString()[:1] == b"\x12"  # field 2: there is no field 1


def test_the_json_names_are_those_that_drilldown_reads() -> None:
    querier = Querier(store=CannedStore(sets=((("service_name", "shop"),),), retention=0))
    body = '{"start":1000,"end":"4000","labelNames":["service_name","__profile_type__"],"matchers":[]}'
    assert querier.post("Series", body).json() == {
        "labelsSet": [{"labels": [{"name": "service_name", "value": "shop"}]}]
    }


@pytest.mark.parametrize(
    ("fields", "headers", "query"),
    [
        ([], {}, {"names": (), "utf8_names": False}),
        ([], UTF8, {"names": (), "utf8_names": True}),
        (["b", "a", "b"], {}, {"names": ("a", "b"), "utf8_names": False}),
        (["b", "größe", "a.b"], {}, {"names": ("b",), "utf8_names": False}),
        (["b", "größe", "a.b"], UTF8, {"names": ("a.b", "b", "größe"), "utf8_names": True}),
        (["größe", ""], {}, None),
        ([f"l{number}" for number in range(100)] * 2, {}, {}),
    ],
)
def test_requested_names_reach_the_store_once_if_the_client_accepts_them(
    fields: list[str], headers: dict[str, str], query: Mapping[str, object] | None
) -> None:
    querier = Querier()
    response = querier.post("Series", json.dumps({"label_names": fields}), headers=headers)
    assert (response.status_code, response.json()) == (200, {})
    assert len(querier.store.calls) == (query is not None)
    for _, _, request in querier.store.calls:
        assert query is not None
        assert {name: getattr(request, name) for name in query} == query


def test_at_most_a_hundred_names_are_accepted() -> None:
    body = json.dumps({"labelNames": [f"l{number}" for number in range(101)]})
    assert Querier().rejection("Series", body) == (
        400,
        "invalid_argument",
        "label_names has 101 labels: use at most 100",
    )


@pytest.mark.parametrize("matchers", ['["{"]', '[""]', '["{}","{a=}"]'])
def test_a_bad_selector_is_an_invalid_argument(matchers: str) -> None:
    status, code, message = Querier().rejection("Series", f'{{"matchers":{matchers}}}')
    assert (status, code) == (400, "invalid_argument")
    assert message.startswith("invalid label selector")


SERIES: Sequence[Mapping[str, str]] = (
    labels_of(pod="a"),
    labels_of(pod="b", zone="1"),
    labels_of(service_name="cart", pod="a"),
    labels_of(__name__="memory", pod="a"),
    labels_of(service_name="it's", **{"k8s.ns": "x\ny", "größe": "café"}),
)


@pytest.fixture(scope="module")
def monday() -> int:
    return some_monday_ms()


@pytest.fixture(scope="module")
def client(store: Store, settings: Settings, monday: int) -> Client:
    """A server with each series on two days, twice on one of them."""
    server = Server.on(store, settings)
    for time_ms in (monday, monday + 1, monday + DAY):
        server.push(*(series(each, pprof_of([sample("a", 1)], time_ms=time_ms)) for each in SERIES))
    return server.client


def label_sets(
    client: Client, start: int, end: int, names: Sequence[str] = (), *matchers: str, utf8: bool = True
) -> list[list[tuple[str, str]]]:
    request = {"start": start, "end": end, "labelNames": names, "matchers": matchers}
    response = client.rpc("Series", request, UTF8 if utf8 else {})
    return [
        [(pair["name"], pair["value"]) for pair in each["labels"]] for each in response.get("labelsSet", [])
    ]


NAMES: Sequence[Sequence[str]] = (
    (),
    DRILLDOWN,
    ("service_name",),
    ("__profile_type__",),
    ("zone",),
    ("pod", "zone", "service_name"),
    ("__name__", "__profile_type__", "größe"),
    ("k8s.ns", "nowhere"),
    ("nowhere",),
    ("x' OR '1'='1", "{names:Array(String)}"),
)


@pytest.mark.parametrize("names", NAMES)
@pytest.mark.parametrize(
    ("matchers", "picked"),
    [
        ((), (0, 1, 2, 3, 4)),
        (('{pod="a"}',), (0, 2, 3)),
        (('{pod="a"}', '{service_name=~"sh.*"}'), (0, 3)),
        ((f'{{__profile_type__="{HEAP}"}}',), (3,)),
        (('{service_name="nowhere"}',), ()),
    ],
)
def test_label_sets_of_the_selected_series_are_sorted_and_unique(
    client: Client, monday: int, names: Sequence[str], matchers: Sequence[str], picked: Sequence[int]
) -> None:
    expected = set()
    for index in picked:
        type_ = f"{SERIES[index]['__name__']}:cpu:nanoseconds:cpu:nanoseconds"
        labels = {**SERIES[index], "__profile_type__": type_, "__type__": "cpu", "__unit__": "nanoseconds"}
        labels |= {"__period_type__": "cpu", "__period_unit__": "nanoseconds"}
        labels["__service_name__"] = labels["service_name"]
        expected.add(tuple(sorted((name, labels[name]) for name in labels if name in names or not names)))
    assert label_sets(client, monday, monday + DAY, names, *matchers) == [
        list(labels) for labels in sorted(expected) if labels
    ]


def test_names_beyond_the_legacy_form_are_only_for_clients_that_accept_them(
    client: Client, monday: int
) -> None:
    [shown] = label_sets(client, monday, monday, (), '{service_name="it\'s"}', utf8=False)
    assert [name for name, _ in shown if not name.startswith("__")] == ["service_name"]
    assert label_sets(client, monday, monday, ["größe"], utf8=False) == []


@pytest.mark.parametrize(
    ("start", "end", "known"),
    [(-1, -1, False), (-DAY, 0, True), (0, 0, True), (2 * DAY, 9 * DAY, False), (DAY, 2 * DAY, True)],
)
def test_series_are_found_on_the_days_their_profiles_were_taken(
    client: Client, monday: int, start: int, end: int, known: bool
) -> None:
    sets = label_sets(client, monday + start, monday + end, DRILLDOWN)
    assert bool(sets) is known
    assert not known or sets[0] == [("__profile_type__", HEAP), ("service_name", "shop")]
    assert not known or [("__profile_type__", CPU), ("service_name", "it's")] in sets


@pytest.mark.parametrize(
    ("names", "selector", "reads_labels"),
    [
        (DRILLDOWN, "{}", False),
        (DRILLDOWN, '{service_name="shop",__profile_type__=~"process.*"}', False),
        (("service_name",), "{}", False),
        (DRILLDOWN, '{pod="a"}', True),
        (("pod",), "{}", True),
        ((), "{}", True),
    ],
)
def test_matchers_on_key_columns_read_no_labels(
    clickhouse: ClickHouse, tenant: str, names: Sequence[str], selector: str, reads_labels: bool
) -> None:
    recorded = RecordedClickHouse(clickhouse)
    query = LabelSetsQuery(
        matchers=parse_selector(selector),
        within=TimeRange(start_ms=0, end_ms=DAY),
        names=tuple(sorted(names)),
    )
    assert labels_query.label_sets(Reader(clickhouse=recorded, settings={}), (tenant,), query) == []
    [sql] = recorded.statements
    assert ("labels" in sql) is reads_labels
