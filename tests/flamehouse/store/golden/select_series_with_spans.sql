-- parameters: first Int64, from Int64, limit UInt64, max_exemplars UInt64, profile_type String, service String, step Int64, tenant String, until Int64
-- bound in vain: first_day, group_by, last_day
-- settings: log_comment, max_execution_time, max_memory_usage = 4294967296, max_result_bytes = 33554432, timeout_overflow_mode = throw
SELECT
    labels,
    timestamps,
    values,
    if((sum(length(exemplars)) OVER () AS exemplar_count) > {max_exemplars:UInt64}, [], exemplars) AS exemplars_if_few,
    exemplar_count
FROM
(
SELECT labels, (arraySort(groupArray((timestamp, value, exemplar))) AS points).1 AS timestamps, points.2 AS values, points.3 AS exemplars, sum(value) AS series_total
FROM
(
    SELECT labels, timestamp, toFloat64(sumIf(toInt128(total), span_id = 0)) AS value, minIf((-total, at < {first:Int64}, at, span_id, trace_id, toString(profile_id), fingerprints), span_id != 0) AS exemplar
    FROM
    (
        SELECT
            CAST([], 'Array(Tuple(String, String))') AS labels,
            {first:Int64} + {step:Int64} * intDiv(toUnixTimestamp64Milli(time) - {first:Int64} + {step:Int64} - 1, {step:Int64}) AS timestamp,
            toUnixTimestamp64Milli(time) AS at,
            profile_id,
            span_id,
            trace_id,
            sum(taken.total) AS total,
            count() AS parts,
            arraySort(groupUniqArray(fingerprint)) AS fingerprints
        FROM
        (
            SELECT fingerprint, time, profile_id, toUInt64(0) AS span_id, toFixedString('', 16) AS trace_id, total
            FROM sampled_profiles
            WHERE tenant = {tenant:String} AND profile_type = {profile_type:String} AND service = {service:String} AND time >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({until:Int64}, 'UTC')
            UNION ALL
            SELECT fingerprint, time, profile_id, span_id, trace_id, value AS total
            FROM
            (
                SELECT
                    fingerprint, time, profile_id, CAST(stacktrace_id, 'UInt64') AS stacktrace_id, value, span_id, trace_id
                FROM
                (
                    SELECT fingerprint, time, profile_id, stacktrace_ids, values, span_ids, trace_ids
                    FROM sampled_profiles
                    WHERE tenant = {tenant:String} AND profile_type = {profile_type:String} AND service = {service:String} AND notEmpty(span_ids) AND time >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({until:Int64}, 'UTC')
                )
                ARRAY JOIN
                    stacktrace_ids AS stacktrace_id,
                    values AS value,
                    arrayResize(span_ids, length(values)) AS span_id,
                    arrayResize(trace_ids, length(values)) AS trace_id
            )
            WHERE span_id != 0 AND true
        ) AS taken
        
        GROUP BY labels, timestamp, at, profile_id, span_id, trace_id
    )
    GROUP BY labels, timestamp
)
GROUP BY labels
ORDER BY sum(value) DESC, labels
LIMIT {limit:UInt64}
)
ORDER BY series_total DESC, labels;

-- parameters: first_day Int32, ids Array(UInt64), last_day Int32, profile_type String, tenant String
-- bound in vain: service
-- settings: log_comment, max_execution_time, max_memory_usage = 4294967296, max_result_bytes = 67108864, timeout_overflow_mode = throw
SELECT fingerprint, any(labels)
FROM series
WHERE tenant = {tenant:String} AND profile_type = {profile_type:String}
    AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32})
    AND fingerprint IN {ids:Array(UInt64)}
GROUP BY fingerprint;
