-- Settings that Grafana's apps store for a tenant. They are few, do not expire, and are in one partition.
--
-- A row is a new value of a setting, or its deletion; of the rows of a name, the one with the greatest version counts.
-- Every change first reads the current state, so the version decides between concurrent changes: a value set after a
-- deletion (`life`) wins over earlier ones, then the later modification, then the later write.
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
SETTINGS $exactly_once;
