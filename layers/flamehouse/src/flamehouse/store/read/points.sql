-- part: within
time >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({until:Int64}, 'UTC')

-- The step that a row belongs to, identified by its last millisecond; no row may lie before the first step.
-- part: timestamp
{first:Int64} + {step:Int64} * intDiv(toUnixTimestamp64Milli(time) - {first:Int64} + {step:Int64} - 1, {step:Int64})

-- A row for each profile and series.
-- part: totals
            SELECT fingerprint, time, profile_id, toUInt64(0) AS span_id, toFixedString('', 16) AS trace_id, total
            FROM $profiles
            WHERE $rows AND $within

-- The same for the selected samples only.
-- part: selected_totals
            SELECT
                fingerprint, time, profile_id, toUInt64(0) AS span_id, toFixedString('', 16) AS trace_id, sum(value) AS total
            FROM
            (
$samples
            )
            WHERE $selected
            GROUP BY fingerprint, time, profile_id

-- Rows of spans; a span may have several.
-- part: spans
            SELECT fingerprint, time, profile_id, span_id, trace_id, value AS total
            FROM
            (
$samples
            )
            WHERE span_id != 0 AND $selected

-- A row for each sample.
-- part: samples
                SELECT
                    fingerprint, time, profile_id, CAST(stacktrace_id, 'UInt64') AS stacktrace_id, value, span_id, trace_id
                FROM
                (
                    SELECT fingerprint, time, profile_id, stacktrace_ids, values, span_ids, trace_ids
                    FROM $profiles
                    WHERE $rows AND $within
                )
                ARRAY JOIN
                    stacktrace_ids AS stacktrace_id,
                    values AS value,
                    arrayResize(span_ids, length(values)) AS span_id,
                    arrayResize(trace_ids, length(values)) AS trace_id

-- A row for each point; `parts` is the number of source rows in it.
-- part: points
        SELECT
            $labels AS labels,
            $timestamp AS timestamp,
            toUnixTimestamp64Milli(time) AS at,
            profile_id,
            span_id,
            trace_id,
            sum(taken.total) AS total,
            count() AS parts,
            arraySort(groupUniqArray(fingerprint)) AS fingerprints
        FROM
        (
$source
        ) AS taken
        $join
        GROUP BY labels, timestamp, at, profile_id, span_id, trace_id

-- A point as an exemplar: the minimum has the highest value; among equal values it lies within the range, then is the
-- earliest, and so on. The first step begins before the range, where no flame graph would find the exemplar.
-- part: exemplar
(-total, at < {first:Int64}, at, span_id, trace_id, toString(profile_id), fingerprints)

-- part: grouped
present

-- part: grouped_by_columns
arrayFilter(label -> label.2 != '', [$pairs])

-- part: join_groups
ANY LEFT JOIN
        (
            SELECT
                fingerprint AS of_series,
                arrayFilter(
                    label -> label.2 != '', arrayMap(name -> (name, labels[name]), {group_by:Array(String)})
                ) AS present
            FROM series
            WHERE $tenants AND profile_type = {profile_type:String}
                AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32})
        ) AS groups ON fingerprint = of_series

-- part: ungrouped
CAST([], 'Array(Tuple(String, String))')
