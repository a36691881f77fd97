-- parameters: call_site Array(UInt64), first Int64, first_day Int32, from Int64, last_day Int32, limit UInt64, profile_type String, service String, step Int64, tenant String, until Int64
-- bound in vain: group_by, max_exemplars
-- settings: log_comment, max_execution_time, max_memory_usage = 4294967296, max_result_bytes = 33554432, timeout_overflow_mode = throw
SELECT labels, (arraySort(groupArray((timestamp, value))) AS points).1 AS timestamps, points.2 AS values
FROM
(
    SELECT
        CAST([], 'Array(Tuple(String, String))') AS labels,
        {first:Int64} + {step:Int64} * intDiv(toUnixTimestamp64Milli(time) - {first:Int64} + {step:Int64} - 1, {step:Int64}) AS timestamp,
        toFloat64(sum(toInt128(total))) AS value
    FROM (
            SELECT
                fingerprint, time, profile_id, toUInt64(0) AS span_id, toFixedString('', 16) AS trace_id, sum(value) AS total
            FROM
            (
                SELECT
                    fingerprint, time, profile_id, CAST(stacktrace_id, 'UInt64') AS stacktrace_id, value, span_id, trace_id
                FROM
                (
                    SELECT fingerprint, time, profile_id, stacktrace_ids, values, span_ids, trace_ids
                    FROM sampled_profiles
                    WHERE tenant = {tenant:String} AND profile_type = {profile_type:String} AND service = {service:String} AND time >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({until:Int64}, 'UTC')
                )
                ARRAY JOIN
                    stacktrace_ids AS stacktrace_id,
                    values AS value,
                    arrayResize(span_ids, length(values)) AS span_id,
                    arrayResize(trace_ids, length(values)) AS trace_id
            )
            WHERE stacktrace_id IN (SELECT id FROM stacktraces WHERE tenant = {tenant:String} AND week BETWEEN toMonday(toDate({first_day:Int32})) AND toDate({last_day:Int32}) AND service = {service:String} AND arraySlice(functions, 1, length({call_site:Array(UInt64)})) = {call_site:Array(UInt64)})
            GROUP BY fingerprint, time, profile_id
    ) AS taken
    
    WHERE true
    GROUP BY labels, timestamp
)
GROUP BY labels
ORDER BY sum(value) DESC, labels
LIMIT {limit:UInt64};
