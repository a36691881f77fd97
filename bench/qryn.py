"""qryn, rebuilt for comparison: its tables, the rows its writer sends and the queries its reader runs.

A query here is the SQL and the transfer of the result. It omits the processing in qryn's server (the layout of the
flame graph), which favors qryn. Source: github.com/metrico/qryn, 2025-04.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from clickhouse_connect.driver.client import Client

from bench.qryn_tree import Forest, binary_string, varint
from bench.workload import INTERVAL_NS, SAMPLE_TYPES, Drawn, Service, encode_pprof
from flamehouse.model.time_range import TimeRange
from tools.qryn_tables import COLUMNS, create_tables

_TYPE_MATCHES = """
    splitByChar(':', type_id)[1] == 'process_cpu'
    AND splitByChar(':', type_id)[2] == 'cpu'
    AND splitByChar(':', type_id)[3] == 'nanoseconds'
    AND arrayExists(x -> x.1 == 'cpu', sample_types_units) == 1
    AND arrayExists(x -> x.2 == 'nanoseconds', sample_types_units) == 1
"""
_SERVICE_MATCHES = "service_name == {service:String} AND "
_DATES = "date >= {first_date:Date} AND date <= {last_date:Date}"

_FLAMEGRAPH = """
WITH
    fp AS (SELECT fingerprint FROM profiles_series_gin WHERE {dates} AND ({globals}) GROUP BY fingerprint),
    raw AS (
        SELECT
            arrayMap(
                x -> (x.1, x.2, x.3, (arrayFirst(y -> y.1 == 'cpu:nanoseconds', x.4) AS af).2, af.3),
                tree) AS tree,
            functions
        FROM profiles
        WHERE timestamp_ns >= {{start_ns:UInt64}} AND timestamp_ns < {{end_ns:UInt64}}
            AND fingerprint IN (fp) AND ({globals})),
    pre_joined AS (SELECT rtree FROM raw ARRAY JOIN raw.tree AS rtree),
    joined AS (
        SELECT (rtree.1, rtree.2, rtree.3, sum(rtree.4), sum(rtree.5)) AS tree
        FROM pre_joined
        GROUP BY rtree.1, rtree.2, rtree.3
        ORDER BY rtree.1
        LIMIT 2000000)
SELECT
    (SELECT groupArray(tree) FROM joined) AS _tree,
    (SELECT groupUniqArrayArray(functions) FROM raw) AS _functions
"""

_SERIES = """
WITH
    fp AS (SELECT fingerprint FROM profiles_series_gin WHERE {dates} GROUP BY fingerprint),
    labels AS (
        SELECT DISTINCT
            fingerprint,
            arrayFilter(x -> x.1 IN ('service_name'), p.tags) AS tags,
            cityHash64(tags) AS new_fingerprint
        FROM profiles_series AS p
        WHERE fingerprint IN (fp) AND {dates} AND {globals})
SELECT
    intDiv(p.timestamp_ns, 1000000000 * {{step_s:UInt32}}) * {{step_s:UInt32}} * 1000 AS timestamp_ms,
    labels.new_fingerprint AS fingerprint,
    min(labels.tags) AS labels,
    sum(toFloat64(arrayFirst(x -> x.1 == 'cpu:nanoseconds', p.values_agg).2)) AS value
FROM profiles AS p
ANY LEFT JOIN labels ON p.fingerprint == labels.fingerprint
WHERE p.fingerprint IN (fp)
    AND p.timestamp_ns >= {{start_ns:UInt64}} AND p.timestamp_ns <= {{end_ns:UInt64}}
    AND {globals}
GROUP BY timestamp_ms, fingerprint
ORDER BY fingerprint ASC, timestamp_ms ASC
"""

_PROFILE_TYPES = """
SELECT DISTINCT type_id, sample_type_unit
FROM profiles_series
ARRAY JOIN sample_types_units AS sample_type_unit
WHERE {dates}
"""


class Qryn:
    """qryn's tables, created in the empty database of `client`; with `payloads`, profiles are also stored as sent."""

    def __init__(self, client: Client, *, payloads: bool) -> None:
        self._client = client
        self._payloads = payloads
        self._forests: dict[str, Forest] = {}
        create_tables(client)

    def insert(self, profiles: Iterable[Drawn]) -> None:
        """Insert these profiles in one INSERT, a row for each."""
        rows = b"".join(self._row(drawn) for drawn in profiles)
        self._client.raw_insert("profiles_input", COLUMNS, rows, fmt="RowBinary")

    def flamegraph(self, within: TimeRange, service: str | None) -> int:
        """Run SelectMergeStacktraces for one service or all; return the size of the result in bytes."""
        return self._transfer(_FLAMEGRAPH, within, service)

    def series_by_service(self, within: TimeRange, step_s: int) -> int:
        """Run SelectSeries for all services, grouped by service; return the size of the result in bytes."""
        return self._transfer(_SERIES, within, None, step_s=step_s)

    def profile_types(self, within: TimeRange) -> int:
        """Run ProfileTypes; return the size of the result in bytes."""
        return self._transfer(_PROFILE_TYPES, within, None)

    def _transfer(self, template: str, within: TimeRange, service: str | None, **parameters: int) -> int:
        conditions = (_SERVICE_MATCHES if service is not None else "") + _TYPE_MATCHES
        sql = template.format(dates=_DATES, globals=conditions)
        return len(self._client.raw_query(sql, {**_bounds(within, service), **parameters}, fmt="Native"))

    def forest(self, service: Service) -> Forest:
        """Return the nodes of a service's complete tree of functions."""
        if service.name not in self._forests:
            program = service.program
            names = [function.name for function in program.functions]
            paths = np.where(program.stacks >= 0, program.frame_function[program.stacks], -1)
            self._forests[service.name] = Forest(names, function_ids(self._client, names), paths)
        return self._forests[service.name]

    def _row(self, drawn: Drawn) -> bytes:
        payload = encode_pprof(drawn) if self._payloads else b""
        units = [f"{kind}:{unit}" for kind, unit in SAMPLE_TYPES]
        labels = drawn.labels
        service = labels.pop("service_name")
        return b"".join(
            (
                drawn.time_ns.to_bytes(8, "little"),
                binary_string(b"process_cpu"),
                binary_string(service.encode()),
                _encode_pairs(SAMPLE_TYPES),
                binary_string(b"cpu"),
                binary_string(b"nanoseconds"),
                _encode_pairs(labels.items()),
                INTERVAL_NS.to_bytes(8, "little"),
                binary_string(b"0"),
                binary_string(payload),
                encode_totals(units, drawn.values.sum(axis=0).tolist(), len(drawn.stacks)),
                self.forest(drawn.service).encode_tree(units, drawn.stacks, drawn.values),
            )
        )


def function_ids(client: Client, names: Sequence[str]) -> "np.typing.NDArray[np.uint64]":
    """Return qryn's id of each function name."""
    rows = client.query("SELECT cityHash64(arrayJoin({names:Array(String)}))", {"names": names}).result_rows
    return np.array([id_ for (id_,) in rows], dtype=np.uint64)


def encode_totals(units: Sequence[str], totals: Sequence[int], samples: int) -> bytes:
    """Return the column `values_agg`: the total and the number of samples per sample type."""
    entries = (
        binary_string(unit.encode())
        + total.to_bytes(8, "little", signed=True)
        + samples.to_bytes(4, "little")
        for unit, total in zip(units, totals, strict=True)
    )
    return varint(len(units)) + b"".join(entries)


def _encode_pairs(pairs: Iterable[tuple[str, str]]) -> bytes:
    encoded = [binary_string(a.encode()) + binary_string(b.encode()) for a, b in pairs]
    return varint(len(encoded)) + b"".join(encoded)


def _bounds(within: TimeRange, service: str | None) -> dict[str, object]:
    """Return the parameters of a query. qryn searches its index by the dates half an hour before the range's ends."""
    half_an_hour_s = 1_800
    dates = (
        np.datetime64(ms // 1000 - half_an_hour_s, "s").astype("datetime64[D]")
        for ms in (within.start_ms, within.end_ms)
    )
    first, last = (date.item() for date in dates)
    return {
        "start_ns": within.start_ms * 1_000_000,
        "end_ns": within.end_ms * 1_000_000,
        "first_date": first,
        "last_date": last,
        "service": service or "",
    }
