-- Profiles contain their samples, and roll-ups record what they cover (docs/architecture.md, "Storage").
--
-- `profiles`, `samples` and their sums from 0001 remain, and are written to, until carry_over.py has copied their
-- content.

-- One row for each profile, sample type and label set, with its samples: a stack trace, a value and possibly a span
-- each, sorted by stack trace. Stacks recur in profile after profile: their ids are in a dictionary. Sorted by time
-- before profile type, the sample types of a profile lie beside each other: they have the same stacks, and those of the
-- second cost next to nothing. Rows are wide, so a granule is small.
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
SETTINGS index_granularity = 128, ttl_only_drop_parts = 1, $exactly_once;

-- The sums of an hour's profiles of a series, by stack trace. `profiles` counts the included rows of
-- `sampled_profiles`, and `profiles_hash` sums the hashes of their ids: a row is valid while `sampled_profiles` has
-- exactly these, and is ignored otherwise. Of several rows for an hour, the newest remains.
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
SETTINGS index_granularity = 128, ttl_only_drop_parts = 1, $exactly_once;

-- Sorting by the same key, each arraySort applies the same permutation. Without spans their arrays, and so the keys,
-- are empty.
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
