-- parameters: tenant String
-- settings: log_comment, max_execution_time, max_memory_usage = 4294967296, max_result_bytes = 67108864, select_sequential_consistency = 1, timeout_overflow_mode = throw
SELECT name, argMax((value, life, modified_at, written, deleted), version) AS latest
FROM tenant_settings
WHERE tenant = {tenant:String}
GROUP BY name
ORDER BY name;

-- settings: insert_deduplication_token
INSERT INTO tenant_settings (`tenant`, `name`, `value`, `life`, `modified_at`, `written`, `deleted`);
