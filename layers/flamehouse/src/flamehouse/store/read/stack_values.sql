-- part: values
    SELECT CAST(stacktrace_id, 'UInt64') AS stack, sum(toInt128(value)) AS value
    FROM
    (
$rows
    )
    ARRAY JOIN stacktrace_ids AS stacktrace_id, values AS value
    GROUP BY stacktrace_id
    HAVING value != 0

-- The same for some spans only.
-- part: values_in_spans
    SELECT CAST(stacktrace_id, 'UInt64') AS stack, sum(toInt128(value)) AS value
    FROM
    (
$rows
    )
    ARRAY JOIN
        stacktrace_ids AS stacktrace_id,
        values AS value,
        arrayResize(span_ids, length(values)) AS span_id,
        arrayResize(trace_ids, length(values)) AS trace_id
    WHERE $samples
    GROUP BY stacktrace_id
    HAVING value != 0

-- part: profiles
        SELECT $columns
        FROM $profiles
        WHERE $rows
            AND time >= fromUnixTimestamp64Milli({start:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({end:Int64}, 'UTC')

-- Whole hours come from their roll-ups if these cover exactly the stored profiles; the rest comes from profiles.
-- If two roll-ups cover the same profiles, either is correct. All reads of a table see the same rows
-- (enable_shared_storage_snapshot_in_query).
-- part: profiles_and_rollups
        SELECT stacktrace_ids, values
        FROM $profiles
        WHERE $rows
            AND time >= fromUnixTimestamp64Milli({start:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({end:Int64}, 'UTC')
            AND ($series, toStartOfHour(time)) NOT IN (
                SELECT $series, hour
                FROM rollups
                WHERE $valid
            )
        UNION ALL
        SELECT stacktrace_ids, values
        FROM rollups
        WHERE $valid
        LIMIT 1 BY $series, hour

-- part: valid
$rows AND hour >= toDateTime({first_hour:UInt32}, 'UTC') AND hour < toDateTime({end_hour:UInt32}, 'UTC')
                AND ($series, hour, profiles, profiles_hash) IN (
                    SELECT $series, toStartOfHour(time) AS of_hour, count(), sum(cityHash64(profile_id))
                    FROM $profiles
                    WHERE $rows
                        AND time >= toDateTime({first_hour:UInt32}, 'UTC') AND time < toDateTime({end_hour:UInt32}, 'UTC')
                    GROUP BY $series, of_hour
                )
