-- What Grafana's apps keep for a tenant. Settings are few, do not expire, and are kept in one partition.
--
-- A row is a setting as it was set, or that it was deleted: a change is another row, and of a name's rows the one with
-- the greatest version counts. Whoever sets or deletes reads before, so of two at a time the version decides: what was
-- set after a deletion (`life`) before what that deleted, then what was modified later, then what was written later.
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
