-- part: input
CREATE TABLE IF NOT EXISTS profiles_input
(
    timestamp_ns UInt64,
    type LowCardinality(String),
    service_name LowCardinality(String),
    sample_types_units Array(Tuple(String, String)),
    period_type LowCardinality(String),
    period_unit LowCardinality(String),
    tags Array(Tuple(String, String)),
    duration_ns UInt64,
    payload_type LowCardinality(String),
    payload String,
    values_agg Array(Tuple(String, Int64, Int32)) CODEC(ZSTD(1))
)
ENGINE = Null

-- part: profiles
CREATE TABLE IF NOT EXISTS profiles
(
    timestamp_ns UInt64 CODEC(DoubleDelta, ZSTD(1)),
    fingerprint UInt64 CODEC(DoubleDelta, ZSTD(1)),
    type_id LowCardinality(String) CODEC(ZSTD(1)),
    sample_types_units Array(Tuple(String, String)) CODEC(ZSTD(1)),
    service_name LowCardinality(String) CODEC(ZSTD(1)),
    duration_ns UInt64 CODEC(DoubleDelta, ZSTD(1)),
    payload_type LowCardinality(String) CODEC(ZSTD(1)),
    payload String CODEC(ZSTD(1)),
    values_agg Array(Tuple(String, Int64, Int32)) CODEC(ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toDate(FROM_UNIXTIME(intDiv(timestamp_ns, 1000000000)))
ORDER BY (type_id, service_name, timestamp_ns)

-- part: profiles_view
CREATE MATERIALIZED VIEW IF NOT EXISTS profiles_mv TO profiles AS
SELECT
    timestamp_ns,
    cityHash64(arraySort(arrayConcat(tags, [
        ('__type__', concatWithSeparator(':', type, period_type, period_unit)),
        ('__sample_types_units__', arrayStringConcat(arrayMap(x -> x.1 || ':' || x.2, arraySort(sample_types_units)), ';')),
        ('service_name', service_name)
    ]))) AS fingerprint,
    concatWithSeparator(':', type, period_type, period_unit) AS type_id,
    sample_types_units,
    service_name,
    duration_ns,
    payload_type,
    payload,
    values_agg$tree
FROM profiles_input

-- part: series
CREATE TABLE IF NOT EXISTS profiles_series
(
    date Date CODEC(ZSTD(1)),
    type_id LowCardinality(String) CODEC(ZSTD(1)),
    sample_types_units Array(Tuple(String, String)) CODEC(ZSTD(1)),
    service_name LowCardinality(String) CODEC(ZSTD(1)),
    fingerprint UInt64 CODEC(DoubleDelta, ZSTD(1)),
    tags Array(Tuple(String, String)) CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree()
PARTITION BY date
ORDER BY (date, type_id, fingerprint)

-- part: series_view
CREATE MATERIALIZED VIEW IF NOT EXISTS profiles_series_mv TO profiles_series AS
SELECT
    toDate(intDiv(timestamp_ns, 1000000000)) AS date,
    concatWithSeparator(':', type, period_type, period_unit) AS type_id,
    sample_types_units,
    service_name,
    cityHash64(arraySort(arrayConcat(profiles_input.tags, [
        ('__type__', concatWithSeparator(':', type, period_type, period_unit)),
        ('__sample_types_units__', arrayStringConcat(arrayMap(x -> x.1 || ':' || x.2, arraySort(sample_types_units)), ';')),
        ('service_name', service_name)
    ]))) AS fingerprint,
    arrayConcat(profiles_input.tags, [('service_name', service_name)]) AS tags
FROM profiles_input

-- part: gin
CREATE TABLE IF NOT EXISTS profiles_series_gin
(
    date Date CODEC(ZSTD(1)),
    key String CODEC(ZSTD(1)),
    val String CODEC(ZSTD(1)),
    type_id LowCardinality(String) CODEC(ZSTD(1)),
    sample_types_units Array(Tuple(String, String)),
    service_name LowCardinality(String) CODEC(ZSTD(1)),
    fingerprint UInt64 CODEC(DoubleDelta, ZSTD(1))
)
ENGINE = ReplacingMergeTree()
PARTITION BY date
ORDER BY (date, key, val, type_id, fingerprint)

-- part: gin_view
CREATE MATERIALIZED VIEW IF NOT EXISTS profiles_series_gin_mv TO profiles_series_gin AS
SELECT date, kv.1 AS key, kv.2 AS val, type_id, sample_types_units, service_name, fingerprint
FROM profiles_series ARRAY JOIN tags AS kv

-- part: keys
CREATE TABLE IF NOT EXISTS profiles_series_keys
(
    date Date,
    key String,
    val String,
    val_id UInt64
)
ENGINE = ReplacingMergeTree()
ORDER BY (date, key, val_id)
PARTITION BY date

-- part: keys_view
CREATE MATERIALIZED VIEW IF NOT EXISTS profiles_series_keys_mv TO profiles_series_keys AS
SELECT date, key, val, cityHash64(val) % 50000 AS val_id
FROM profiles_series_gin

-- part: input_tree
ALTER TABLE profiles_input
    ADD COLUMN IF NOT EXISTS tree Array(Tuple(UInt64, UInt64, UInt64, Array(Tuple(String, Int64, Int64)))),
    ADD COLUMN IF NOT EXISTS functions Array(Tuple(UInt64, String))

-- part: profiles_tree
ALTER TABLE profiles
    ADD COLUMN IF NOT EXISTS tree Array(Tuple(UInt64, UInt64, UInt64, Array(Tuple(String, Int64, Int64)))),
    ADD COLUMN IF NOT EXISTS functions Array(Tuple(UInt64, String))

-- part: drop_view
DROP TABLE IF EXISTS profiles_mv

-- part: profiles_dist
CREATE TABLE IF NOT EXISTS profiles_dist
(
    timestamp_ns UInt64,
    fingerprint UInt64,
    type_id LowCardinality(String),
    service_name LowCardinality(String),
    duration_ns UInt64,
    payload_type LowCardinality(String),
    payload String,
    values_agg Array(Tuple(String, Int64, Int32)),
    tree Array(Tuple(UInt64, UInt64, UInt64, Array(Tuple(String, Int64, Int64)))),
    functions Array(Tuple(UInt64, String))
)
ENGINE = Merge(currentDatabase(), '^profiles$$')

-- part: series_dist
CREATE TABLE IF NOT EXISTS profiles_series_dist
(
    date Date,
    type_id LowCardinality(String),
    service_name LowCardinality(String),
    fingerprint UInt64,
    tags Array(Tuple(String, String))
)
ENGINE = Merge(currentDatabase(), '^profiles_series$$')
