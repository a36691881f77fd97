-- parameters: left_end Int64, left_end_hour UInt32, left_first_day Int32, left_first_hour UInt32, left_last_day Int32, left_profile_type String, left_service String, left_start Int64, left_tenant String, max_rows UInt64, right_call_site Array(UInt64), right_end Int64, right_first_day Int32, right_last_day Int32, right_profile_type String, right_service String, right_start Int64, right_tenant String
-- bound in vain: right_end_hour, right_first_hour
-- settings: join_algorithm = hash, limit = 73728, log_comment, max_block_size = 8192, max_execution_time, max_memory_usage = 4294967296, max_result_bytes = 67108864, merge_tree_min_rows_for_concurrent_read = 2048, timeout_overflow_mode = throw
SELECT
    path,
    toUInt64(path - (bitShiftLeft(cityHash64(any(frame) AS name_id, toUInt32(path % 4096)), 12) + 1)) AS parent,
    name_id,
    sum(left_side) AS left_side_total,
    sum(if(path % 4096 = height, left_side, 0)) AS left_side_self,
    sum(right_side) AS right_side_total,
    sum(if(path % 4096 = height, right_side, 0)) AS right_side_self,
    sumIf(if(left_side_wide < 0, toInt128('9223372036854775808'), left_side_wide), path = 0) > 9223372036854775807 AS left_side_exceeds,
    sumIf(if(right_side_wide < 0, toInt128('9223372036854775808'), right_side_wide), path = 0) > 9223372036854775807 AS right_side_exceeds
FROM
(
    SELECT
        toInt128(if(true, left_value, 0)) AS left_side_wide, toInt64(left_side_wide) AS left_side,
        toInt128(if(arraySlice(functions, 1, length({right_call_site:Array(UInt64)})) = {right_call_site:Array(UInt64)}, right_value, 0)) AS right_side_wide, toInt64(right_side_wide) AS right_side,
        CAST(functions, 'Array(UInt64)') AS frames,
        length(frames) AS height,
        arrayCumSum(
            arrayMap((frame, depth) -> bitShiftLeft(cityHash64(frame, depth), 12) + 1, frames, arrayEnumerate(frames))
        ) AS paths
    FROM stacktraces
    ANY INNER JOIN
    (
    SELECT stack, sum(left_value) AS left_value, sum(right_value) AS right_value
    FROM
    (
        SELECT stack, value AS left_value, 0 AS right_value
        FROM
        (
    SELECT CAST(stacktrace_id, 'UInt64') AS stack, sum(toInt128(value)) AS value
    FROM
    (
        SELECT stacktrace_ids, values
        FROM sampled_profiles
        WHERE tenant = {left_tenant:String} AND profile_type = {left_profile_type:String} AND service = {left_service:String}
            AND time >= fromUnixTimestamp64Milli({left_start:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({left_end:Int64}, 'UTC')
            AND (fingerprint, toStartOfHour(time)) NOT IN (
                SELECT fingerprint, hour
                FROM rollups
                WHERE tenant = {left_tenant:String} AND profile_type = {left_profile_type:String} AND service = {left_service:String} AND hour >= toDateTime({left_first_hour:UInt32}, 'UTC') AND hour < toDateTime({left_end_hour:UInt32}, 'UTC')
                AND (fingerprint, hour, profiles, profiles_hash) IN (
                    SELECT fingerprint, toStartOfHour(time) AS of_hour, count(), sum(cityHash64(profile_id))
                    FROM sampled_profiles
                    WHERE tenant = {left_tenant:String} AND profile_type = {left_profile_type:String} AND service = {left_service:String}
                        AND time >= toDateTime({left_first_hour:UInt32}, 'UTC') AND time < toDateTime({left_end_hour:UInt32}, 'UTC')
                    GROUP BY fingerprint, of_hour
                )
            )
        UNION ALL
        SELECT stacktrace_ids, values
        FROM rollups
        WHERE tenant = {left_tenant:String} AND profile_type = {left_profile_type:String} AND service = {left_service:String} AND hour >= toDateTime({left_first_hour:UInt32}, 'UTC') AND hour < toDateTime({left_end_hour:UInt32}, 'UTC')
                AND (fingerprint, hour, profiles, profiles_hash) IN (
                    SELECT fingerprint, toStartOfHour(time) AS of_hour, count(), sum(cityHash64(profile_id))
                    FROM sampled_profiles
                    WHERE tenant = {left_tenant:String} AND profile_type = {left_profile_type:String} AND service = {left_service:String}
                        AND time >= toDateTime({left_first_hour:UInt32}, 'UTC') AND time < toDateTime({left_end_hour:UInt32}, 'UTC')
                    GROUP BY fingerprint, of_hour
                )
        LIMIT 1 BY fingerprint, hour
    )
    ARRAY JOIN stacktrace_ids AS stacktrace_id, values AS value
    GROUP BY stacktrace_id
    HAVING value != 0
        )
        UNION ALL
        SELECT stack, 0 AS left_value, value AS right_value
        FROM
        (
    SELECT CAST(stacktrace_id, 'UInt64') AS stack, sum(toInt128(value)) AS value
    FROM
    (
        SELECT stacktrace_ids, values
        FROM sampled_profiles
        WHERE tenant = {right_tenant:String} AND profile_type = {right_profile_type:String} AND service = {right_service:String}
            AND time >= fromUnixTimestamp64Milli({right_start:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({right_end:Int64}, 'UTC')
    )
    ARRAY JOIN stacktrace_ids AS stacktrace_id, values AS value
    GROUP BY stacktrace_id
    HAVING value != 0
        )
    )
    GROUP BY stack
    ) AS values_of_stacks ON id = stack
    WHERE ((tenant = {left_tenant:String} AND week BETWEEN toMonday(toDate({left_first_day:Int32})) AND toDate({left_last_day:Int32}) AND service = {left_service:String}) OR (tenant = {right_tenant:String} AND week BETWEEN toMonday(toDate({right_first_day:Int32})) AND toDate({right_last_day:Int32}) AND service = {right_service:String} AND arraySlice(functions, 1, length({right_call_site:Array(UInt64)})) = {right_call_site:Array(UInt64)})) AND (left_side != 0 OR right_side != 0) AND notEmpty(functions)
)
ARRAY JOIN arrayPushFront(paths, 0) AS path, arrayPushFront(frames, 0) AS frame
GROUP BY path
ORDER BY greatest(left_side_total, right_side_total) DESC
LIMIT {max_rows:UInt64} WITH TIES;

-- parameters: ids Array(UInt64), left_first_day Int32, left_last_day Int32, left_service String, left_tenant String, right_first_day Int32, right_last_day Int32, right_service String, right_tenant String
-- bound in vain: left_profile_type, right_profile_type
-- settings: log_comment, max_execution_time, max_memory_usage = 4294967296, max_result_bytes = 67108864, timeout_overflow_mode = throw
SELECT name_id, any(name)
FROM functions
WHERE ((tenant = {left_tenant:String} AND week BETWEEN toMonday(toDate({left_first_day:Int32})) AND toDate({left_last_day:Int32}) AND service = {left_service:String}) OR (tenant = {right_tenant:String} AND week BETWEEN toMonday(toDate({right_first_day:Int32})) AND toDate({right_last_day:Int32}) AND service = {right_service:String})) AND name_id IN {ids:Array(UInt64)}
GROUP BY name_id;
