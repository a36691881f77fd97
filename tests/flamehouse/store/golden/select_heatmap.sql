-- parameters: first Int64, from Int64, limit UInt64, max_cells UInt64, profile_type String, service String, step Int64, tenant String, until Int64
-- bound in vain: first_day, group_by, last_day
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
        arraySort(groupArray((timestamp, bucket, points))) AS cells,
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
        ) AS taken
        
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
