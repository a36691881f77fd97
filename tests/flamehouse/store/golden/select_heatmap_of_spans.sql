-- parameters: first Int64, first_day Int32, from Int64, group_by Array(String), last_day Int32, limit UInt64, m0_value String, m1_name String, m1_value String, m2_name String, m2_value String, max_cells UInt64, profile_type String, service String, step Int64, tenant String, until Int64
-- settings: log_comment, max_execution_time, max_memory_usage = 4294967296, max_result_bytes = 67108864, timeout_overflow_mode = throw
SELECT
    labels,
    if((sum(length(cells)) OVER () AS cell_count) > {max_cells:UInt64}, [], cells) AS cells_if_few,
    cell_count,
    lowest,
    width
FROM
(
    SELECT
        labels,
        arraySort(groupArray((timestamp, bucket, points, exemplar))) AS cells,
        sum(points) AS all_points,
        lowest,
        width
    FROM
    (
        SELECT
            labels,
            timestamp,
            arrayCount(number -> lowest + toInt64(number * width) <= total, range(20)) - 1 AS bucket,
            count() AS points,
            min((-total, at < {first:Int64}, at, span_id, trace_id, toString(profile_id), fingerprints)) AS exemplar,
            lowest,
            width
        FROM
        (
            SELECT
                *,
                min(total) OVER () AS lowest,
                toFloat64(greatest(max(total) OVER () - lowest, 1)) / 20 AS width
            FROM
            (
        SELECT
            present AS labels,
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
            SELECT fingerprint, time, profile_id, span_id, trace_id, value AS total
            FROM
            (
                SELECT
                    fingerprint, time, profile_id, CAST(stacktrace_id, 'UInt64') AS stacktrace_id, value, span_id, trace_id
                FROM
                (
                    SELECT fingerprint, time, profile_id, stacktrace_ids, values, span_ids, trace_ids
                    FROM sampled_profiles
                    WHERE tenant = {tenant:String} AND profile_type = {profile_type:String} AND service = {service:String} AND fingerprint IN (
            SELECT fingerprint
            FROM series LEFT ARRAY JOIN [''] AS piece
            PREWHERE tenant = {tenant:String} AND profile_type = {profile_type:String}
                AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32})
                WHERE service = {m0_value:String} AND match('', concat('\\b\\B|', {m1_value:String})) < 2 AND match(concat(labels[{m1_name:String}], piece), concat('^(?s:\\b\\B|', {m1_value:String}, ')$')) AND labels[{m2_name:String}] != {m2_value:String}
            SETTINGS max_block_size = 5461
        ) AND notEmpty(span_ids) AND time >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({until:Int64}, 'UTC')
                )
                ARRAY JOIN
                    stacktrace_ids AS stacktrace_id,
                    values AS value,
                    arrayResize(span_ids, length(values)) AS span_id,
                    arrayResize(trace_ids, length(values)) AS trace_id
            )
            WHERE span_id != 0 AND true
        ) AS taken
        ANY LEFT JOIN
        (
            SELECT
                fingerprint AS of_series,
                arrayFilter(
                    label -> label.2 != '', arrayMap(name -> (name, labels[name]), {group_by:Array(String)})
                ) AS present
            FROM series
            WHERE tenant = {tenant:String} AND profile_type = {profile_type:String}
                AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32})
        ) AS groups ON fingerprint = of_series
        GROUP BY labels, timestamp, at, profile_id, span_id, trace_id
            )
        )
        GROUP BY labels, timestamp, bucket, lowest, width -- the same for all
    )
    GROUP BY labels, lowest, width
    ORDER BY all_points DESC, labels
    LIMIT {limit:UInt64}
)
ORDER BY all_points DESC, labels;

-- parameters: first_day Int32, ids Array(UInt64), last_day Int32, profile_type String, tenant String
-- bound in vain: m0_value, m1_name, m1_value, m2_name, m2_value, service
-- settings: log_comment, max_execution_time, max_memory_usage = 4294967296, max_result_bytes = 67108864, timeout_overflow_mode = throw
SELECT fingerprint, any(labels)
FROM series
WHERE tenant = {tenant:String} AND profile_type = {profile_type:String}
    AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32})
    AND fingerprint IN {ids:Array(UInt64)}
GROUP BY fingerprint;
