-- parameters: tenant String
-- settings: log_comment, max_execution_time, max_memory_usage = 4294967296, max_result_bytes = 67108864, timeout_overflow_mode = throw
SELECT toInt32(min(day)), toInt32(max(day)), count()
FROM series
WHERE tenant = {tenant:String};

-- parameters: first_day Int32, last_day Int32, tenant String
-- settings: log_comment, max_execution_time, max_memory_usage = 4294967296, max_result_bytes = 67108864, timeout_overflow_mode = throw
SELECT toUnixTimestamp64Milli(first), toUnixTimestamp64Milli(last)
FROM
(
SELECT
    (
        SELECT minOrNull(time)
        FROM sampled_profiles
        WHERE tenant = {tenant:String} AND time < toDateTime64((toInt64({first_day:Int32}) + 1) * 86400, 9, 'UTC')
    ) AS first,
    (
        SELECT maxOrNull(time)
        FROM sampled_profiles
        WHERE tenant = {tenant:String} AND time >= toDateTime64(toInt64({last_day:Int32}) * 86400, 9, 'UTC')
    ) AS last
);
