-- part: row
    timestamp_ns UInt64 CODEC(ZSTD(1)),
    type LowCardinality(String) CODEC(ZSTD(1)),
    service_name LowCardinality(String) CODEC(ZSTD(1)),
    sample_types_units Array(Tuple(String, String)) CODEC(ZSTD(1)),
    period_type LowCardinality(String) CODEC(ZSTD(1)),
    period_unit LowCardinality(String) CODEC(ZSTD(1)),
    tags Array(Tuple(String, String)) CODEC(ZSTD(1)),
    duration_ns UInt64 CODEC(ZSTD(1)),
    payload_type LowCardinality(String) CODEC(ZSTD(1)),
    payload String CODEC(ZSTD(1)),
    values_agg Array(Tuple(String, Int64, Int32)) CODEC(ZSTD(1)),
    tree Array(Tuple(UInt64, UInt64, UInt64, Array(Tuple(String, Int64, Int64)))) CODEC(ZSTD(1)),
    functions Array(Tuple(UInt64, String)) CODEC(ZSTD(1))

-- The target of the collector's exporter, which inserts by position without a list of columns: these 13 columns, in
-- this order.

-- part: profiles_input
CREATE TABLE IF NOT EXISTS profiles_input
(
$row
)
ENGINE = Null

-- Rows that are not stored as profiles yet.

-- part: qryn_rows
CREATE TABLE IF NOT EXISTS qryn_rows
(
    received DateTime64(9, 'UTC') CODEC(ZSTD(1)),
    row_id UUID CODEC(ZSTD(1)),
$row
)
ENGINE = MergeTree
ORDER BY (received, row_id)

-- part: qryn_rows_view
CREATE MATERIALIZED VIEW IF NOT EXISTS qryn_rows_view TO qryn_rows AS
SELECT now64(9, 'UTC') AS received, generateUUIDv4() AS row_id, *
FROM profiles_input

-- Invalid rows, each with the reason.

-- part: qryn_rejected
CREATE TABLE IF NOT EXISTS qryn_rejected
(
    rejected DateTime64(9, 'UTC') CODEC(ZSTD(1)),
    reason String CODEC(ZSTD(1)),
    received DateTime64(9, 'UTC') CODEC(ZSTD(1)),
    row_id UUID CODEC(ZSTD(1)),
$row
)
ENGINE = ReplacingMergeTree(rejected)
ORDER BY (received, row_id)

-- part: exists
SELECT count()
FROM system.tables
WHERE database = currentDatabase() AND name = 'qryn_rows'
