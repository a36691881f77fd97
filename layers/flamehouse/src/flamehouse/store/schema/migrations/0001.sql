-- Samples and stack traces (docs/architecture.md, "Storage").
--
-- The writer inserts only into `ingest`; the views distribute its rows. A row of `ingest` is either a profile of one
-- sample type and label set (its `values` are set) or the symbols of profiles of its week (`stacktraces.id`
-- and so on are set). Every table is partitioned by the UTC week of the profile's time, so that names live
-- as long as their profiles.

CREATE TABLE IF NOT EXISTS ingest
(
    tenant LowCardinality(String),
    upload_id FixedString(32),
    time DateTime64(9, 'UTC'),
    duration Int64,
    profile_id UUID,
    profile_type LowCardinality(String),
    service LowCardinality(String),
    fingerprint UInt64,
    labels Map(LowCardinality(String), String),
    stacktrace_ids Array(UInt64),
    values Array(Int64),
    span_ids Array(UInt64),
    trace_ids Array(FixedString(16)),
    stacktraces Nested(id UInt64, functions Array(UInt64), locations Array(UInt64)),
    functions Nested(id UInt64, name_id UInt64, name String, system_name String, filename String, start_line Int64),
    locations Nested(id UInt64, address UInt64, mapping_id UInt64, lines Array(Tuple(function_id UInt64, line Int64, column Int64))),
    mappings Nested(id UInt64, memory_start UInt64, memory_limit UInt64, file_offset UInt64, filename String, build_id String, flags UInt8)
)
ENGINE = Null;

-- The series of each day, to resolve a selector into fingerprints. `labels` includes the private ones.
CREATE TABLE IF NOT EXISTS series
(
    tenant LowCardinality(String),
    day Date,
    profile_type LowCardinality(String),
    service LowCardinality(String),
    fingerprint UInt64,
    labels Map(LowCardinality(String), String) CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY toMonday(day)
ORDER BY (tenant, day, profile_type, service, fingerprint)
SETTINGS ttl_only_drop_parts = 1, $exactly_once;

-- One row per profile, sample type and label set, for queries that need no samples.
CREATE TABLE IF NOT EXISTS profiles
(
    tenant LowCardinality(String),
    profile_type LowCardinality(String),
    service LowCardinality(String),
    fingerprint UInt64 CODEC(ZSTD(1)),
    time DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    profile_id UUID CODEC(ZSTD(1)),
    upload_id FixedString(32) CODEC(ZSTD(1)),
    total Int64 CODEC(ZSTD(1)),
    duration Int64 CODEC(ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toMonday(time)
ORDER BY (tenant, profile_type, service, fingerprint, time)
SETTINGS ttl_only_drop_parts = 1, $exactly_once;

-- One row per profile, stack trace and span. Stacks recur in profile after profile, so their ids are in a dictionary,
-- which takes half the bytes of the plain number. Sorted by time before profile type, the sample types of a profile lie
-- beside each other: they have the same stacks, and those of the second cost next to nothing.
CREATE TABLE IF NOT EXISTS samples
(
    tenant LowCardinality(String),
    profile_type LowCardinality(String),
    service LowCardinality(String),
    fingerprint UInt64 CODEC(ZSTD(1)),
    time DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    profile_id UUID CODEC(ZSTD(1)),
    stacktrace_id LowCardinality(UInt64) CODEC(ZSTD(1)),
    span_id UInt64 CODEC(ZSTD(1)),
    trace_id FixedString(16) CODEC(ZSTD(1)),
    upload_id FixedString(32) CODEC(ZSTD(1)),
    value Int64 CODEC(GCD, ZSTD(3))
)
ENGINE = MergeTree
PARTITION BY toMonday(time)
ORDER BY (tenant, service, time, profile_id, profile_type, fingerprint, stacktrace_id)
SETTINGS ttl_only_drop_parts = 1, $exactly_once;

-- Sums of `samples` over whole five minutes and whole hours, UTC.
CREATE TABLE IF NOT EXISTS samples_5m
(
    tenant LowCardinality(String),
    profile_type LowCardinality(String),
    service LowCardinality(String),
    fingerprint UInt64 CODEC(ZSTD(1)),
    bucket DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    stacktrace_id LowCardinality(UInt64) CODEC(ZSTD(1)),
    value Int64 CODEC(GCD, ZSTD(3))
)
ENGINE = SummingMergeTree(value)
PARTITION BY toMonday(bucket)
ORDER BY (tenant, profile_type, service, fingerprint, bucket, stacktrace_id)
SETTINGS ttl_only_drop_parts = 1, $exactly_once;

CREATE TABLE IF NOT EXISTS samples_1h AS samples_5m;

-- A distinct stack of a service and week, root first. `functions` hashes the names, inlined lines expanded; frames
-- without a function are omitted. `id` hashes `locations`. Sorted by `functions`, stacks lie beside those with the same
-- outer frames: they compress tenfold, and a flame graph finds nodes again while they are cached.
CREATE TABLE IF NOT EXISTS stacktraces
(
    tenant LowCardinality(String),
    week Date,
    service LowCardinality(String),
    id UInt64 CODEC(ZSTD(1)),
    functions Array(LowCardinality(UInt64)) CODEC(ZSTD(1)),
    locations Array(LowCardinality(UInt64)) CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY week
PRIMARY KEY (tenant, service)
ORDER BY (tenant, service, functions, id)
SETTINGS index_granularity = 512, ttl_only_drop_parts = 1, $exactly_once;

-- `name_id` hashes only the name, as in `stacktraces.functions`. `id` hashes the whole function.
CREATE TABLE IF NOT EXISTS functions
(
    tenant LowCardinality(String),
    week Date,
    service LowCardinality(String),
    name_id UInt64 CODEC(ZSTD(1)),
    id UInt64 CODEC(ZSTD(1)),
    name String CODEC(ZSTD(1)),
    system_name String CODEC(ZSTD(1)),
    filename String CODEC(ZSTD(1)),
    start_line Int64 CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY week
ORDER BY (tenant, service, name_id, id)
SETTINGS ttl_only_drop_parts = 1, $exactly_once;

-- `lines` runs from the innermost inlined function to the one that was called. Its functions are `functions.id`.
CREATE TABLE IF NOT EXISTS locations
(
    tenant LowCardinality(String),
    week Date,
    service LowCardinality(String),
    id UInt64 CODEC(ZSTD(1)),
    address UInt64 CODEC(ZSTD(1)),
    mapping_id UInt64 CODEC(ZSTD(1)),
    lines Array(Tuple(function_id UInt64, line Int64, column Int64)) CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY week
ORDER BY (tenant, service, id)
SETTINGS ttl_only_drop_parts = 1, $exactly_once;

-- `flags`, lowest bit first: has functions, has filenames, has line numbers, has inline frames.
CREATE TABLE IF NOT EXISTS mappings
(
    tenant LowCardinality(String),
    week Date,
    service LowCardinality(String),
    id UInt64,
    memory_start UInt64,
    memory_limit UInt64,
    file_offset UInt64,
    filename String,
    build_id String,
    flags UInt8
)
ENGINE = ReplacingMergeTree
PARTITION BY week
ORDER BY (tenant, service, id)
SETTINGS ttl_only_drop_parts = 1, $exactly_once;

-- Completely stored uploads; written after all other rows of the upload.
CREATE TABLE IF NOT EXISTS uploads
(
    tenant LowCardinality(String),
    upload_id FixedString(32),
    received DateTime64(9, 'UTC')
)
ENGINE = MergeTree
PARTITION BY toMonday(received)
ORDER BY (tenant, upload_id)
SETTINGS ttl_only_drop_parts = 1, $exactly_once;

CREATE MATERIALIZED VIEW IF NOT EXISTS series_view TO series AS
SELECT tenant, toDate(time, 'UTC') AS day, profile_type, service, fingerprint, labels
FROM ingest
WHERE notEmpty(labels);

CREATE MATERIALIZED VIEW IF NOT EXISTS profiles_view TO profiles AS
SELECT tenant, profile_type, service, fingerprint, time, profile_id, upload_id, arraySum(values) AS total, duration
FROM ingest
WHERE notEmpty(values);

CREATE MATERIALIZED VIEW IF NOT EXISTS samples_view TO samples AS
SELECT tenant, profile_type, service, fingerprint, time, profile_id, stacktrace_id, span_id, trace_id, upload_id, value
FROM ingest
ARRAY JOIN
    stacktrace_ids AS stacktrace_id,
    values AS value,
    arrayResize(span_ids, length(values)) AS span_id,
    arrayResize(trace_ids, length(values)) AS trace_id;

CREATE MATERIALIZED VIEW IF NOT EXISTS samples_5m_view TO samples_5m AS
SELECT tenant, profile_type, service, fingerprint, toStartOfInterval(time, INTERVAL 5 MINUTE, 'UTC') AS bucket, stacktrace_id, value
FROM ingest
ARRAY JOIN stacktrace_ids AS stacktrace_id, values AS value;

CREATE MATERIALIZED VIEW IF NOT EXISTS samples_1h_view TO samples_1h AS
SELECT tenant, profile_type, service, fingerprint, toStartOfInterval(time, INTERVAL 1 HOUR, 'UTC') AS bucket, stacktrace_id, value
FROM ingest
ARRAY JOIN stacktrace_ids AS stacktrace_id, values AS value;

CREATE MATERIALIZED VIEW IF NOT EXISTS stacktraces_view TO stacktraces AS
SELECT tenant, toMonday(time) AS week, service, id, functions, locations
FROM ingest
ARRAY JOIN stacktraces.id AS id, stacktraces.functions AS functions, stacktraces.locations AS locations;

CREATE MATERIALIZED VIEW IF NOT EXISTS functions_view TO functions AS
SELECT tenant, toMonday(time) AS week, service, name_id, id, name, system_name, filename, start_line
FROM ingest
ARRAY JOIN
    functions.name_id AS name_id,
    functions.id AS id,
    functions.name AS name,
    functions.system_name AS system_name,
    functions.filename AS filename,
    functions.start_line AS start_line;

CREATE MATERIALIZED VIEW IF NOT EXISTS locations_view TO locations AS
SELECT tenant, toMonday(time) AS week, service, id, address, mapping_id, lines
FROM ingest
ARRAY JOIN locations.id AS id, locations.address AS address, locations.mapping_id AS mapping_id, locations.lines AS lines;

CREATE MATERIALIZED VIEW IF NOT EXISTS mappings_view TO mappings AS
SELECT tenant, toMonday(time) AS week, service, id, memory_start, memory_limit, file_offset, filename, build_id, flags
FROM ingest
ARRAY JOIN
    mappings.id AS id,
    mappings.memory_start AS memory_start,
    mappings.memory_limit AS memory_limit,
    mappings.file_offset AS file_offset,
    mappings.filename AS filename,
    mappings.build_id AS build_id,
    mappings.flags AS flags;
