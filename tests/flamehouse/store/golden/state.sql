-- parameters: name String, owner String
-- settings: max_execution_time
SELECT tenant, argMax((value, deleted), version) AS latest
FROM tenant_settings
WHERE startsWith(tenant, {owner:String}) AND name = {name:String}
GROUP BY tenant
ORDER BY tenant;

-- settings: log_comment, max_execution_time, max_memory_usage = 4294967296, max_result_bytes = 67108864, timeout_overflow_mode = throw
SELECT
    argMax(number, applied),
    argMaxIf(retention_days, applied, retention_days != 4294967295),
    countIf(retention_days != 4294967295) > 0,
    argMax(retention_days, applied) = 4294967295
FROM migrations;

SELECT 1;
