-- parameters: first Int64, from Int64, max_rows UInt64, profile_type String, service String, step Int64, tenant String, until Int64
-- bound in vain: first_day, group_by, last_day
-- settings: log_comment, max_execution_time, max_memory_usage = 4294967296, max_result_bytes = 67108864, timeout_overflow_mode = throw
SELECT
    intDiv(toUnixTimestamp64Milli(time) - {first:Int64}, {step:Int64}) AS number,
    toFloat64(avg(toInt128(total))) AS value
FROM sampled_profiles
WHERE tenant = {tenant:String} AND profile_type = {profile_type:String} AND service = {service:String} AND time >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({until:Int64}, 'UTC')
GROUP BY number
LIMIT {max_rows:UInt64};
