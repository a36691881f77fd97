-- parameters: ids Array(String), tenants Array(String)
SELECT tenant, hex(upload_id)
FROM uploads
WHERE tenant IN {tenants:Array(String)}
    AND upload_id IN (SELECT toFixedString(unhex(arrayJoin({ids:Array(String)})), 32));

-- parameters: owner String
-- settings: select_sequential_consistency = 1
SELECT tenant, max(modified_at)
FROM tenant_settings
WHERE startsWith(tenant, {owner:String})
GROUP BY tenant;

-- 2 times
-- settings: async_insert = 1, async_insert_deduplicate = 1, deduplicate_blocks_in_dependent_materialized_views = 1, insert_deduplicate = 1, insert_deduplication_token, materialized_views_ignore_errors = 0, optimize_on_insert = 0, wait_for_async_insert = 1
INSERT INTO ingest (`tenant`, `upload_id`, `time`, `duration`, `profile_id`, `profile_type`, `service`, `fingerprint`, `labels`, `stacktrace_ids`, `values`, `span_ids`, `trace_ids`, `stacktraces.id`, `stacktraces.functions`, `stacktraces.locations`, `functions.id`, `functions.name_id`, `functions.name`, `functions.system_name`, `functions.filename`, `functions.start_line`, `locations.id`, `locations.address`, `locations.mapping_id`, `locations.lines`, `mappings.id`, `mappings.memory_start`, `mappings.memory_limit`, `mappings.file_offset`, `mappings.filename`, `mappings.build_id`, `mappings.flags`);

-- 2 times
-- parameters: day Int32, limit UInt64, tenant String
SELECT DISTINCT fingerprint
FROM series
WHERE tenant = {tenant:String} AND day = toDate({day:Int32})
LIMIT {limit:UInt64};

-- 2 times
-- settings: async_insert = 1, async_insert_deduplicate = 1, deduplicate_blocks_in_dependent_materialized_views = 1, insert_deduplicate = 1, insert_deduplication_token, materialized_views_ignore_errors = 0, optimize_on_insert = 0, wait_for_async_insert = 1
INSERT INTO ingest (`tenant`, `upload_id`, `time`, `duration`, `profile_id`, `profile_type`, `service`, `fingerprint`, `labels`, `stacktrace_ids`, `values`, `span_ids`, `trace_ids`, `stacktraces.id`, `stacktraces.functions`, `stacktraces.locations`, `functions.id`, `functions.name_id`, `functions.name`, `functions.system_name`, `functions.filename`, `functions.start_line`, `locations.id`, `locations.address`, `locations.mapping_id`, `locations.lines`, `mappings.id`, `mappings.memory_start`, `mappings.memory_limit`, `mappings.file_offset`, `mappings.filename`, `mappings.build_id`, `mappings.flags`);

-- settings: async_insert = 1, async_insert_deduplicate = 1, deduplicate_blocks_in_dependent_materialized_views = 1, insert_deduplicate = 1, insert_deduplication_token, materialized_views_ignore_errors = 0, optimize_on_insert = 0, wait_for_async_insert = 1
INSERT INTO uploads (`tenant`, `upload_id`, `received`, `bytes`);
