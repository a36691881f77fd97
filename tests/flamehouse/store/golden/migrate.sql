SELECT version();

-- parameters: name String
SELECT count() FROM system.databases WHERE name = {name:String};

-- parameters: name String
SELECT DISTINCT database
FROM system.tables
WHERE database != {name:String} AND name = 'migrations'
    AND database IN (SELECT database FROM system.tables WHERE name = 'ingest' AND engine = 'Null')
ORDER BY database;

-- parameters: name Identifier
CREATE DATABASE IF NOT EXISTS {name:Identifier};

CREATE TABLE IF NOT EXISTS migrations
(
    number UInt32,
    retention_days UInt32,
    applied DateTime64(9, 'UTC')
)
ENGINE = MergeTree
ORDER BY applied;

SELECT argMax(number, applied) FROM migrations;

-- settings: allow_suspicious_low_cardinality_types = 1
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

-- settings: allow_suspicious_low_cardinality_types = 1
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
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000, replicated_deduplication_window = 100000, replicated_deduplication_window_seconds = 7200;

-- settings: allow_suspicious_low_cardinality_types = 1
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
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000, replicated_deduplication_window = 100000, replicated_deduplication_window_seconds = 7200;

-- settings: allow_suspicious_low_cardinality_types = 1
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
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000, replicated_deduplication_window = 100000, replicated_deduplication_window_seconds = 7200;

-- settings: allow_suspicious_low_cardinality_types = 1
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
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000, replicated_deduplication_window = 100000, replicated_deduplication_window_seconds = 7200;

-- settings: allow_suspicious_low_cardinality_types = 1
CREATE TABLE IF NOT EXISTS samples_1h AS samples_5m;

-- settings: allow_suspicious_low_cardinality_types = 1
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
SETTINGS index_granularity = 512, ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000, replicated_deduplication_window = 100000, replicated_deduplication_window_seconds = 7200;

-- settings: allow_suspicious_low_cardinality_types = 1
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
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000, replicated_deduplication_window = 100000, replicated_deduplication_window_seconds = 7200;

-- settings: allow_suspicious_low_cardinality_types = 1
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
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000, replicated_deduplication_window = 100000, replicated_deduplication_window_seconds = 7200;

-- settings: allow_suspicious_low_cardinality_types = 1
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
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000, replicated_deduplication_window = 100000, replicated_deduplication_window_seconds = 7200;

-- settings: allow_suspicious_low_cardinality_types = 1
CREATE TABLE IF NOT EXISTS uploads
(
    tenant LowCardinality(String),
    upload_id FixedString(32),
    received DateTime64(9, 'UTC')
)
ENGINE = MergeTree
PARTITION BY toMonday(received)
ORDER BY (tenant, upload_id)
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000, replicated_deduplication_window = 100000, replicated_deduplication_window_seconds = 7200;

-- settings: allow_suspicious_low_cardinality_types = 1
CREATE MATERIALIZED VIEW IF NOT EXISTS series_view TO series AS
SELECT tenant, toDate(time, 'UTC') AS day, profile_type, service, fingerprint, labels
FROM ingest
WHERE notEmpty(labels);

-- settings: allow_suspicious_low_cardinality_types = 1
CREATE MATERIALIZED VIEW IF NOT EXISTS profiles_view TO profiles AS
SELECT tenant, profile_type, service, fingerprint, time, profile_id, upload_id, arraySum(values) AS total, duration
FROM ingest
WHERE notEmpty(values);

-- settings: allow_suspicious_low_cardinality_types = 1
CREATE MATERIALIZED VIEW IF NOT EXISTS samples_view TO samples AS
SELECT tenant, profile_type, service, fingerprint, time, profile_id, stacktrace_id, span_id, trace_id, upload_id, value
FROM ingest
ARRAY JOIN
    stacktrace_ids AS stacktrace_id,
    values AS value,
    arrayResize(span_ids, length(values)) AS span_id,
    arrayResize(trace_ids, length(values)) AS trace_id;

-- settings: allow_suspicious_low_cardinality_types = 1
CREATE MATERIALIZED VIEW IF NOT EXISTS samples_5m_view TO samples_5m AS
SELECT tenant, profile_type, service, fingerprint, toStartOfInterval(time, INTERVAL 5 MINUTE, 'UTC') AS bucket, stacktrace_id, value
FROM ingest
ARRAY JOIN stacktrace_ids AS stacktrace_id, values AS value;

-- settings: allow_suspicious_low_cardinality_types = 1
CREATE MATERIALIZED VIEW IF NOT EXISTS samples_1h_view TO samples_1h AS
SELECT tenant, profile_type, service, fingerprint, toStartOfInterval(time, INTERVAL 1 HOUR, 'UTC') AS bucket, stacktrace_id, value
FROM ingest
ARRAY JOIN stacktrace_ids AS stacktrace_id, values AS value;

-- settings: allow_suspicious_low_cardinality_types = 1
CREATE MATERIALIZED VIEW IF NOT EXISTS stacktraces_view TO stacktraces AS
SELECT tenant, toMonday(time) AS week, service, id, functions, locations
FROM ingest
ARRAY JOIN stacktraces.id AS id, stacktraces.functions AS functions, stacktraces.locations AS locations;

-- settings: allow_suspicious_low_cardinality_types = 1
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

-- settings: allow_suspicious_low_cardinality_types = 1
CREATE MATERIALIZED VIEW IF NOT EXISTS locations_view TO locations AS
SELECT tenant, toMonday(time) AS week, service, id, address, mapping_id, lines
FROM ingest
ARRAY JOIN locations.id AS id, locations.address AS address, locations.mapping_id AS mapping_id, locations.lines AS lines;

-- settings: allow_suspicious_low_cardinality_types = 1
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

-- settings: allow_suspicious_low_cardinality_types = 1
CREATE TABLE IF NOT EXISTS tenant_settings
(
    tenant LowCardinality(String),
    name String,
    value String,
    life UInt32,
    modified_at Int64,
    written UInt64,
    deleted Bool,
    version UInt256 MATERIALIZED bitShiftLeft(toUInt256(life), 128) + bitShiftLeft(toUInt256(modified_at), 64) + written
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (tenant, name)
SETTINGS non_replicated_deduplication_window = 10000, replicated_deduplication_window = 100000, replicated_deduplication_window_seconds = 7200;

-- settings: allow_suspicious_low_cardinality_types = 1
CREATE TABLE IF NOT EXISTS sampled_profiles
(
    tenant LowCardinality(String),
    service LowCardinality(String),
    time DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    profile_id UUID CODEC(ZSTD(1)),
    profile_type LowCardinality(String),
    fingerprint UInt64 CODEC(ZSTD(1)),
    upload_id FixedString(32) CODEC(ZSTD(1)),
    total Int64 CODEC(ZSTD(1)),
    duration Int64 CODEC(ZSTD(1)),
    stacktrace_ids Array(LowCardinality(UInt64)) CODEC(ZSTD(3)),
    values Array(Int64) CODEC(ZSTD(3)),
    span_ids Array(UInt64) CODEC(ZSTD(1)),
    trace_ids Array(FixedString(16)) CODEC(ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toMonday(time)
ORDER BY (tenant, service, time, profile_id, profile_type, fingerprint)
SETTINGS index_granularity = 128, ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000, replicated_deduplication_window = 100000, replicated_deduplication_window_seconds = 7200;

-- settings: allow_suspicious_low_cardinality_types = 1
CREATE TABLE IF NOT EXISTS rollups
(
    tenant LowCardinality(String),
    service LowCardinality(String),
    hour DateTime('UTC') CODEC(Delta, ZSTD(1)),
    profile_type LowCardinality(String),
    fingerprint UInt64 CODEC(ZSTD(1)),
    profiles UInt64 CODEC(ZSTD(1)),
    profiles_hash UInt64 CODEC(ZSTD(1)),
    made DateTime64(9, 'UTC') CODEC(ZSTD(1)),
    stacktrace_ids Array(LowCardinality(UInt64)) CODEC(ZSTD(3)),
    values Array(Int64) CODEC(ZSTD(3))
)
ENGINE = ReplacingMergeTree(made)
PARTITION BY toMonday(hour)
ORDER BY (tenant, service, hour, profile_type, fingerprint)
SETTINGS index_granularity = 128, ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000, replicated_deduplication_window = 100000, replicated_deduplication_window_seconds = 7200;

-- settings: allow_suspicious_low_cardinality_types = 1
CREATE MATERIALIZED VIEW IF NOT EXISTS sampled_profiles_view TO sampled_profiles AS
SELECT
    tenant,
    service,
    time,
    profile_id,
    profile_type,
    fingerprint,
    upload_id,
    arraySum(ingest.values) AS total,
    duration,
    arraySort(ingest.stacktrace_ids) AS stacktrace_ids,
    arraySort((value, stacktrace_id) -> stacktrace_id, ingest.values, ingest.stacktrace_ids) AS values,
    arraySort(
        (span_id, stacktrace_id) -> stacktrace_id,
        ingest.span_ids,
        arrayResize(ingest.stacktrace_ids, length(ingest.span_ids))
    ) AS span_ids,
    arraySort(
        (trace_id, stacktrace_id) -> stacktrace_id,
        ingest.trace_ids,
        arrayResize(ingest.stacktrace_ids, length(ingest.trace_ids))
    ) AS trace_ids
FROM ingest
WHERE notEmpty(ingest.values);

-- settings: allow_suspicious_low_cardinality_types = 1
ALTER TABLE uploads ADD COLUMN IF NOT EXISTS bytes UInt64 CODEC(ZSTD(1));

-- settings: allow_suspicious_low_cardinality_types = 1
ALTER TABLE sampled_profiles MODIFY COLUMN values Array(Int64) CODEC(T64('bit'), ZSTD(1));

-- settings: allow_suspicious_low_cardinality_types = 1
ALTER TABLE rollups MODIFY COLUMN values Array(Int64) CODEC(T64('bit'), ZSTD(1));

DROP VIEW IF EXISTS profiles_view;

DROP TABLE IF EXISTS profiles;

DROP VIEW IF EXISTS samples_view;

DROP VIEW IF EXISTS samples_5m_view;

DROP VIEW IF EXISTS samples_1h_view;

DROP TABLE IF EXISTS samples;

DROP TABLE IF EXISTS samples_5m;

DROP TABLE IF EXISTS samples_1h;

SELECT
    argMax(number, applied),
    argMaxIf(retention_days, applied, retention_days != 4294967295),
    countIf(retention_days != 4294967295) > 0,
    argMax(retention_days, applied) = 4294967295
FROM migrations;

-- parameters: days UInt32
SELECT uniq(tenant, profile_id), minOrNull(toDate(time))
FROM sampled_profiles
WHERE toDateTime(time) + toIntervalDay({days:UInt32}) <= now();

-- parameters: days UInt32, table String
SELECT sum(expired.rows / stored.rows * stored.bytes)
FROM
(
    SELECT _partition_id AS id, count() AS rows
    FROM series
    WHERE day + toIntervalDay({days:UInt32} + 1) <= now()
    GROUP BY id
) AS expired
INNER JOIN
(
    SELECT partition_id AS id, sum(rows) AS rows, sum(bytes_on_disk) AS bytes
    FROM system.parts
    WHERE database = currentDatabase() AND table = {table:String} AND active
    GROUP BY id
) AS stored USING (id);

-- parameters: days UInt32, table String
SELECT sum(expired.rows / stored.rows * stored.bytes)
FROM
(
    SELECT _partition_id AS id, count() AS rows
    FROM sampled_profiles
    WHERE toDateTime(time) + toIntervalDay({days:UInt32}) <= now()
    GROUP BY id
) AS expired
INNER JOIN
(
    SELECT partition_id AS id, sum(rows) AS rows, sum(bytes_on_disk) AS bytes
    FROM system.parts
    WHERE database = currentDatabase() AND table = {table:String} AND active
    GROUP BY id
) AS stored USING (id);

-- parameters: days UInt32, table String
SELECT sum(expired.rows / stored.rows * stored.bytes)
FROM
(
    SELECT _partition_id AS id, count() AS rows
    FROM rollups
    WHERE hour + toIntervalDay({days:UInt32} + 1) <= now()
    GROUP BY id
) AS expired
INNER JOIN
(
    SELECT partition_id AS id, sum(rows) AS rows, sum(bytes_on_disk) AS bytes
    FROM system.parts
    WHERE database = currentDatabase() AND table = {table:String} AND active
    GROUP BY id
) AS stored USING (id);

-- parameters: days UInt32, table String
SELECT sum(expired.rows / stored.rows * stored.bytes)
FROM
(
    SELECT _partition_id AS id, count() AS rows
    FROM stacktraces
    WHERE week + toIntervalDay({days:UInt32} + 7) <= now()
    GROUP BY id
) AS expired
INNER JOIN
(
    SELECT partition_id AS id, sum(rows) AS rows, sum(bytes_on_disk) AS bytes
    FROM system.parts
    WHERE database = currentDatabase() AND table = {table:String} AND active
    GROUP BY id
) AS stored USING (id);

-- parameters: days UInt32, table String
SELECT sum(expired.rows / stored.rows * stored.bytes)
FROM
(
    SELECT _partition_id AS id, count() AS rows
    FROM functions
    WHERE week + toIntervalDay({days:UInt32} + 7) <= now()
    GROUP BY id
) AS expired
INNER JOIN
(
    SELECT partition_id AS id, sum(rows) AS rows, sum(bytes_on_disk) AS bytes
    FROM system.parts
    WHERE database = currentDatabase() AND table = {table:String} AND active
    GROUP BY id
) AS stored USING (id);

-- parameters: days UInt32, table String
SELECT sum(expired.rows / stored.rows * stored.bytes)
FROM
(
    SELECT _partition_id AS id, count() AS rows
    FROM locations
    WHERE week + toIntervalDay({days:UInt32} + 7) <= now()
    GROUP BY id
) AS expired
INNER JOIN
(
    SELECT partition_id AS id, sum(rows) AS rows, sum(bytes_on_disk) AS bytes
    FROM system.parts
    WHERE database = currentDatabase() AND table = {table:String} AND active
    GROUP BY id
) AS stored USING (id);

-- parameters: days UInt32, table String
SELECT sum(expired.rows / stored.rows * stored.bytes)
FROM
(
    SELECT _partition_id AS id, count() AS rows
    FROM mappings
    WHERE week + toIntervalDay({days:UInt32} + 7) <= now()
    GROUP BY id
) AS expired
INNER JOIN
(
    SELECT partition_id AS id, sum(rows) AS rows, sum(bytes_on_disk) AS bytes
    FROM system.parts
    WHERE database = currentDatabase() AND table = {table:String} AND active
    GROUP BY id
) AS stored USING (id);

-- parameters: days UInt32, table String
SELECT sum(expired.rows / stored.rows * stored.bytes)
FROM
(
    SELECT _partition_id AS id, count() AS rows
    FROM uploads
    WHERE toDateTime(received) + toIntervalDay({days:UInt32} + 7) <= now()
    GROUP BY id
) AS expired
INNER JOIN
(
    SELECT partition_id AS id, sum(rows) AS rows, sum(bytes_on_disk) AS bytes
    FROM system.parts
    WHERE database = currentDatabase() AND table = {table:String} AND active
    GROUP BY id
) AS stored USING (id);

-- parameters: number UInt32, retention_days UInt32
INSERT INTO migrations
SELECT {number:UInt32}, {retention_days:UInt32}, now64(9, 'UTC');

-- parameters: days UInt32
ALTER TABLE series MODIFY TTL day + toIntervalDay({days:UInt32} + 1);

-- parameters: days UInt32
ALTER TABLE sampled_profiles MODIFY TTL toDateTime(time) + toIntervalDay({days:UInt32});

-- parameters: days UInt32
ALTER TABLE rollups MODIFY TTL hour + toIntervalDay({days:UInt32} + 1);

-- parameters: days UInt32
ALTER TABLE stacktraces MODIFY TTL week + toIntervalDay({days:UInt32} + 7);

-- parameters: days UInt32
ALTER TABLE functions MODIFY TTL week + toIntervalDay({days:UInt32} + 7);

-- parameters: days UInt32
ALTER TABLE locations MODIFY TTL week + toIntervalDay({days:UInt32} + 7);

-- parameters: days UInt32
ALTER TABLE mappings MODIFY TTL week + toIntervalDay({days:UInt32} + 7);

-- parameters: days UInt32
ALTER TABLE uploads MODIFY TTL toDateTime(received) + toIntervalDay({days:UInt32} + 7);

-- parameters: number UInt32, retention_days UInt32
INSERT INTO migrations
SELECT {number:UInt32}, {retention_days:UInt32}, now64(9, 'UTC');

SELECT name, comment
FROM system.tables
WHERE database = currentDatabase() AND engine = 'View';

CREATE OR REPLACE VIEW profiles_v1 AS
SELECT
    profiles.tenant AS tenant,
    profiles.time AS time,
    profiles.duration AS duration_ns,
    profiles.profile_id AS profile_id,
    profiles.profile_type AS profile_type,
    profiles.service AS service,
    CAST(series.labels, 'Map(String, String)') AS labels,
    profiles.total AS total
FROM sampled_profiles AS profiles
ANY LEFT JOIN series
    ON series.tenant = profiles.tenant
    AND series.day = toDate(profiles.time, 'UTC')
    AND series.profile_type = profiles.profile_type
    AND series.service = profiles.service
    AND series.fingerprint = profiles.fingerprint
COMMENT '2db3901d58605ec1';

CREATE OR REPLACE VIEW samples_v1 AS
SELECT
    tenant,
    time,
    profile_id,
    profile_type,
    service,
    CAST(stacktrace_id, 'UInt64') AS stack_id,
    if(sample_span_id = 0, '', lower(hex(sample_span_id))) AS span_id,
    value
FROM sampled_profiles
ARRAY JOIN
    stacktrace_ids AS stacktrace_id,
    values AS value,
    arrayResize(span_ids, length(values)) AS sample_span_id
COMMENT '2db3901d58605ec1';

CREATE OR REPLACE VIEW stacks_v1 AS
SELECT
    tenant,
    week,
    service,
    stack_id,
    arrayMap(frame -> frame.2, arraySort(groupArray((depth, name)))) AS frames
FROM
(
    SELECT stacks.tenant AS tenant, stacks.week AS week, stacks.service AS service, stack_id, depth, functions.name AS name
    FROM
    (
        SELECT tenant, week, service, stack_id, name_id, depth
        FROM (SELECT DISTINCT tenant, week, service, id AS stack_id, functions AS name_ids FROM stacktraces)
        ARRAY JOIN name_ids AS name_id, arrayEnumerate(name_ids) AS depth
    ) AS stacks
    ANY LEFT JOIN functions
        ON functions.tenant = stacks.tenant
        AND functions.week = stacks.week
        AND functions.service = stacks.service
        AND functions.name_id = stacks.name_id
)
GROUP BY tenant, week, service, stack_id
COMMENT '2db3901d58605ec1';

CREATE OR REPLACE VIEW functions_v1 AS
SELECT DISTINCT tenant, week, service, name, system_name, filename, start_line
FROM functions
COMMENT '2db3901d58605ec1';

CREATE OR REPLACE VIEW function_totals_v1 AS
SELECT
    tenant,
    time,
    profile_id,
    profile_type,
    service,
    function,
    sumIf(value, function = leaf) AS self,
    sum(value) AS total
FROM
(
    SELECT
        samples.tenant AS tenant,
        samples.time AS time,
        samples.profile_id AS profile_id,
        samples.profile_type AS profile_type,
        samples.service AS service,
        samples.value AS value,
        stacks.frames[-1] AS leaf,
        arrayJoin(arrayDistinct(stacks.frames)) AS function
    FROM samples_v1 AS samples
    INNER JOIN stacks_v1 AS stacks
        ON stacks.tenant = samples.tenant
        AND stacks.week = toMonday(samples.time)
        AND stacks.service = samples.service
        AND stacks.stack_id = samples.stack_id
)
GROUP BY tenant, time, profile_id, profile_type, service, function
COMMENT '2db3901d58605ec1';
