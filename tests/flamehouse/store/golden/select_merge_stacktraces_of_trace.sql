-- parameters: end Int64, first_day Int32, last_day Int32, max_rows UInt64, profile_type String, service String, start Int64, tenant String, trace_ids Array(String)
-- bound in vain: end_hour, first_hour
-- settings: join_algorithm = hash, limit = 73729, log_comment, max_block_size = 8192, max_execution_time, max_memory_usage = 4294967296, max_result_bytes = 67108864, merge_tree_min_rows_for_concurrent_read = 2048, timeout_overflow_mode = throw
SELECT
    path,
    toUInt64(path - (bitShiftLeft(cityHash64(any(frame) AS name_id, toUInt32(path % 4096)), 12) + 1)) AS parent,
    name_id,
    sum(side) AS side_total,
    sum(if(path % 4096 = height, side, 0)) AS side_self,
    sumIf(if(side_wide < 0, toInt128('9223372036854775808'), side_wide), path = 0) > 9223372036854775807 AS side_exceeds
FROM
(
    SELECT
        value AS side_wide, toInt64(side_wide) AS side,
        CAST(functions, 'Array(UInt64)') AS frames,
        length(frames) AS height,
        arrayCumSum(
            arrayMap((frame, depth) -> bitShiftLeft(cityHash64(frame, depth), 12) + 1, frames, arrayEnumerate(frames))
        ) AS paths
    FROM stacktraces
    ANY INNER JOIN
    (
    SELECT CAST(stacktrace_id, 'UInt64') AS stack, sum(toInt128(value)) AS value
    FROM
    (
        SELECT stacktrace_ids, values, span_ids, trace_ids
        FROM sampled_profiles
        WHERE tenant = {tenant:String} AND profile_type = {profile_type:String} AND service = {service:String} AND hasAny(trace_ids, arrayMap(id -> toFixedString(unhex(id), 16), {trace_ids:Array(String)}))
            AND time >= fromUnixTimestamp64Milli({start:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({end:Int64}, 'UTC')
    )
    ARRAY JOIN
        stacktrace_ids AS stacktrace_id,
        values AS value,
        arrayResize(span_ids, length(values)) AS span_id,
        arrayResize(trace_ids, length(values)) AS trace_id
    WHERE trace_id IN arrayMap(id -> toFixedString(unhex(id), 16), {trace_ids:Array(String)})
    GROUP BY stacktrace_id
    HAVING value != 0
    ) AS values_of_stacks ON id = stack
    WHERE (tenant = {tenant:String} AND week BETWEEN toMonday(toDate({first_day:Int32})) AND toDate({last_day:Int32}) AND service = {service:String}) AND notEmpty(functions)
)
ARRAY JOIN arrayPushFront(paths, 0) AS path, arrayPushFront(frames, 0) AS frame
GROUP BY path
ORDER BY side_total DESC
LIMIT {max_rows:UInt64} WITH TIES;

-- parameters: first_day Int32, ids Array(UInt64), last_day Int32, service String, tenant String
-- bound in vain: profile_type
-- settings: log_comment, max_execution_time, max_memory_usage = 4294967296, max_result_bytes = 67108864, timeout_overflow_mode = throw
SELECT name_id, any(name)
FROM functions
WHERE tenant = {tenant:String} AND week BETWEEN toMonday(toDate({first_day:Int32})) AND toDate({last_day:Int32}) AND service = {service:String} AND name_id IN {ids:Array(UInt64)}
GROUP BY name_id;
