SELECT uniqExact(fingerprint), count()
FROM series LEFT ARRAY JOIN [''] AS piece
WHERE day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32}) AND tenant = {tenant:String} AND profile_type = {m0_value:String} AND service = {m1_value:String} AND true AND profile_type = {m0_value:String} AND service = {m1_value:String} AND match('', concat('\\b\\B|', {m2_value:String})) < 2 AND match(concat(labels[{m2_name:String}], piece), concat('^(?s:\\b\\B|', {m2_value:String}, ')$'))
SETTINGS max_block_size = 5461;

SELECT count(), sum(length(values)), uniqExact(_part)
FROM sampled_profiles
WHERE tenant = {tenant:String} AND profile_type = {m0_value:String} AND service = {m1_value:String} AND fingerprint IN (SELECT fingerprint FROM series LEFT ARRAY JOIN [''] AS piece WHERE day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32}) AND tenant = {tenant:String} AND profile_type = {m0_value:String} AND service = {m1_value:String} AND true AND profile_type = {m0_value:String} AND service = {m1_value:String} AND match('', concat('\\b\\B|', {m2_value:String})) < 2 AND match(concat(labels[{m2_name:String}], piece), concat('^(?s:\\b\\B|', {m2_value:String}, ')$')) SETTINGS max_block_size = 5461)
    AND time >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({until:Int64}, 'UTC');

SELECT count()
FROM stacktraces
WHERE tenant = {tenant:String} AND week BETWEEN toMonday(toDate({first_day:Int32})) AND toDate({last_day:Int32})
    AND service IN (SELECT service FROM series LEFT ARRAY JOIN [''] AS piece WHERE day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32}) AND tenant = {tenant:String} AND profile_type = {m0_value:String} AND service = {m1_value:String} AND true AND profile_type = {m0_value:String} AND service = {m1_value:String} AND match('', concat('\\b\\B|', {m2_value:String})) < 2 AND match(concat(labels[{m2_name:String}], piece), concat('^(?s:\\b\\B|', {m2_value:String}, ')$')) SETTINGS max_block_size = 5461);

SELECT name, total_rows, total_bytes
FROM system.tables
WHERE database = currentDatabase() AND total_rows > 0;

SELECT
    path,
    toUInt64(path - (bitShiftLeft(cityHash64(name_id, toUInt32(path % 4096)), 12) + 1)) AS parent,
    name_id,
    left_side_total,
    left_side_self,
    right_side_total,
    right_side_self,
    left_side_exact,
    right_side_exact
FROM
(
    SELECT
        path,
        any(frame) AS name_id,
        sum(left_side) AS left_side_total,
        sum(if(path % 4096 = height, left_side, 0)) AS left_side_self,
        sum(right_side) AS right_side_total,
        sum(if(path % 4096 = height, right_side, 0)) AS right_side_self,
        sumIf(if(left_side_wide < 0, toInt128('9223372036854775808'), left_side_wide), path = 0) AS left_side_exact,
        sumIf(if(right_side_wide < 0, toInt128('9223372036854775808'), right_side_wide), path = 0) AS right_side_exact
    FROM
    (
        SELECT
            toInt128(if(true, left_value, 0)) AS left_side_wide, toInt64(left_side_wide) AS left_side,
            toInt128(if(true, right_value, 0)) AS right_side_wide, toInt64(right_side_wide) AS right_side,
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
        SELECT stack, value AS left_value, 0 AS right_value FROM (    SELECT CAST(stacktrace_id, 'UInt64') AS stack, sum(toInt128(value)) AS value
    FROM
    (
        SELECT stacktrace_ids, values
        FROM sampled_profiles
        WHERE tenant = {left_tenant:String} AND profile_type = {left_profile_type:String} AND service = {left_service:String} AND true
            AND time >= fromUnixTimestamp64Milli({left_start:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({left_end:Int64}, 'UTC')
    )
    ARRAY JOIN stacktrace_ids AS stacktrace_id, values AS value
    GROUP BY stack
    HAVING value != 0)
        UNION ALL
        SELECT stack, 0 AS left_value, value AS right_value FROM (    SELECT CAST(stacktrace_id, 'UInt64') AS stack, sum(toInt128(value)) AS value
    FROM
    (
        SELECT stacktrace_ids, values
        FROM sampled_profiles
        WHERE tenant = {right_tenant:String} AND profile_type = {right_profile_type:String} AND service = {right_service:String} AND fingerprint IN (
            SELECT fingerprint
            FROM series LEFT ARRAY JOIN [''] AS piece
            WHERE tenant = {right_tenant:String} AND profile_type = {right_profile_type:String}
                AND day BETWEEN toDate({right_first_day:Int32}) AND toDate({right_last_day:Int32})
                AND true AND service = {right_m0_value:String} AND match('', concat('\\b\\B|', {right_m1_value:String})) < 2 AND match(concat(labels[{right_m1_name:String}], piece), concat('^(?s:\\b\\B|', {right_m1_value:String}, ')$')) AND labels[{right_m2_name:String}] != {right_m2_value:String}
            SETTINGS max_block_size = 5461
        ) AND true
            AND time >= fromUnixTimestamp64Milli({right_start:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({right_end:Int64}, 'UTC')
    )
    ARRAY JOIN stacktrace_ids AS stacktrace_id, values AS value
    GROUP BY stack
    HAVING value != 0)
    )
    GROUP BY stack
        ) AS values_of_stacks ON id = stack
        WHERE ((tenant = {left_tenant:String} AND week BETWEEN toMonday(toDate({left_first_day:Int32})) AND toDate({left_last_day:Int32}) AND service = {left_service:String} AND true) OR (tenant = {right_tenant:String} AND week BETWEEN toMonday(toDate({right_first_day:Int32})) AND toDate({right_last_day:Int32}) AND service = {right_service:String} AND true)) AND (left_side != 0 OR right_side != 0) AND notEmpty(functions)
    )
    ARRAY JOIN arrayPushFront(paths, 0) AS path, arrayPushFront(frames, 0) AS frame
    GROUP BY path
    ORDER BY greatest(left_side_total, right_side_total) DESC
    LIMIT {max_rows:UInt64} WITH TIES
);

SELECT name_id, any(name)
FROM functions
WHERE ((tenant = {left_tenant:String} AND week BETWEEN toMonday(toDate({left_first_day:Int32})) AND toDate({left_last_day:Int32}) AND service = {left_service:String}) OR (tenant = {right_tenant:String} AND week BETWEEN toMonday(toDate({right_first_day:Int32})) AND toDate({right_last_day:Int32}) AND service = {right_service:String})) AND name_id IN {ids:Array(UInt64)}
GROUP BY name_id;

SELECT
    path,
    toUInt64(path - (bitShiftLeft(cityHash64(name_id, toUInt32(path % 4096)), 12) + 1)) AS parent,
    name_id,
    left_side_total,
    left_side_self,
    right_side_total,
    right_side_self,
    left_side_exact,
    right_side_exact
FROM
(
    SELECT
        path,
        any(frame) AS name_id,
        sum(left_side) AS left_side_total,
        sum(if(path % 4096 = height, left_side, 0)) AS left_side_self,
        sum(right_side) AS right_side_total,
        sum(if(path % 4096 = height, right_side, 0)) AS right_side_self,
        sumIf(if(left_side_wide < 0, toInt128('9223372036854775808'), left_side_wide), path = 0) AS left_side_exact,
        sumIf(if(right_side_wide < 0, toInt128('9223372036854775808'), right_side_wide), path = 0) AS right_side_exact
    FROM
    (
        SELECT
            toInt128(if(true, left_value, 0)) AS left_side_wide, toInt64(left_side_wide) AS left_side,
            toInt128(if(true AND arraySlice(functions, 1, length({right_call_site:Array(UInt64)})) = {right_call_site:Array(UInt64)}, right_value, 0)) AS right_side_wide, toInt64(right_side_wide) AS right_side,
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
        SELECT stack, value AS left_value, 0 AS right_value FROM (    SELECT CAST(stacktrace_id, 'UInt64') AS stack, sum(toInt128(value)) AS value
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
    GROUP BY stack
    HAVING value != 0)
        UNION ALL
        SELECT stack, 0 AS left_value, value AS right_value FROM (    SELECT CAST(stacktrace_id, 'UInt64') AS stack, sum(toInt128(value)) AS value
    FROM
    (
        SELECT stacktrace_ids, values
        FROM sampled_profiles
        WHERE tenant = {right_tenant:String} AND profile_type = {right_profile_type:String} AND service = {right_service:String} AND true
            AND time >= fromUnixTimestamp64Milli({right_start:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({right_end:Int64}, 'UTC')
    )
    ARRAY JOIN stacktrace_ids AS stacktrace_id, values AS value
    GROUP BY stack
    HAVING value != 0)
    )
    GROUP BY stack
        ) AS values_of_stacks ON id = stack
        WHERE ((tenant = {left_tenant:String} AND week BETWEEN toMonday(toDate({left_first_day:Int32})) AND toDate({left_last_day:Int32}) AND service = {left_service:String} AND true) OR (tenant = {right_tenant:String} AND week BETWEEN toMonday(toDate({right_first_day:Int32})) AND toDate({right_last_day:Int32}) AND service = {right_service:String} AND true AND arraySlice(functions, 1, length({right_call_site:Array(UInt64)})) = {right_call_site:Array(UInt64)})) AND (left_side != 0 OR right_side != 0) AND notEmpty(functions)
    )
    ARRAY JOIN arrayPushFront(paths, 0) AS path, arrayPushFront(frames, 0) AS frame
    GROUP BY path
    ORDER BY greatest(left_side_total, right_side_total) DESC
    LIMIT {max_rows:UInt64} WITH TIES
);

SELECT toInt32(min(day)), toInt32(max(day)), count()
FROM series
WHERE tenant = {tenant:String};

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

SELECT tenant, hex(upload_id)
FROM uploads
WHERE (tenant, upload_id) IN (
    SELECT pair.1, toFixedString(unhex(pair.2), 32)
    FROM (SELECT arrayJoin(arrayZip({tenants:Array(String)}, {ids:Array(String)})) AS pair)
);

INSERT INTO ingest (`tenant`, `upload_id`, `time`, `duration`, `profile_id`, `profile_type`, `service`, `fingerprint`, `labels`, `stacktrace_ids`, `values`, `span_ids`, `trace_ids`, `stacktraces.id`, `stacktraces.functions`, `stacktraces.locations`, `functions.id`, `functions.name_id`, `functions.name`, `functions.system_name`, `functions.filename`, `functions.start_line`, `locations.id`, `locations.address`, `locations.mapping_id`, `locations.lines`, `mappings.id`, `mappings.memory_start`, `mappings.memory_limit`, `mappings.file_offset`, `mappings.filename`, `mappings.build_id`, `mappings.flags`);

SELECT DISTINCT fingerprint
FROM series
WHERE tenant = {tenant:String} AND day = toDate({day:Int32})
LIMIT {limit:UInt64};

INSERT INTO uploads (`tenant`, `upload_id`, `received`);

SELECT DISTINCT arrayJoin(mapKeys(labels)) AS name
FROM series 
WHERE tenant = {tenant:String} AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32})
    AND true
ORDER BY name;

SELECT DISTINCT arrayJoin(mapKeys(labels)) AS name
FROM series LEFT ARRAY JOIN [''] AS piece
WHERE tenant = {tenant:String} AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32})
    AND true AND service = {m0_value:String} AND match('', concat('\\b\\B|', {m1_value:String})) < 2 AND match(concat(labels[{m1_name:String}], piece), concat('^(?s:\\b\\B|', {m1_value:String}, ')$')) AND labels[{m2_name:String}] != {m2_value:String}
ORDER BY name
SETTINGS max_block_size = 5461;

SELECT DISTINCT labels[{name:String}] AS value
FROM series 
WHERE tenant = {tenant:String} AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32})
    AND true AND value != ''
ORDER BY value;

SELECT DISTINCT labels[{name:String}] AS value
FROM series 
WHERE tenant = {tenant:String} AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32})
    AND true AND service = {m0_value:String} AND value != ''
ORDER BY value;

SELECT DISTINCT profile_type
FROM series
WHERE tenant = {tenant:String} AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32})
ORDER BY profile_type;

SELECT
    path,
    toUInt64(path - (bitShiftLeft(cityHash64(name_id, toUInt32(path % 4096)), 12) + 1)) AS parent,
    name_id,
    side_total,
    side_self,
    side_exact
FROM
(
    SELECT
        path,
        any(frame) AS name_id,
        sum(side) AS side_total,
        sum(if(path % 4096 = height, side, 0)) AS side_self,
        sumIf(if(side_wide < 0, toInt128('9223372036854775808'), side_wide), path = 0) AS side_exact
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
        (    SELECT CAST(stacktrace_id, 'UInt64') AS stack, sum(toInt128(value)) AS value
    FROM
    (
        SELECT stacktrace_ids, values
        FROM sampled_profiles
        WHERE tenant = {tenant:String} AND profile_type = {profile_type:String} AND true
            AND time >= fromUnixTimestamp64Milli({start:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({end:Int64}, 'UTC')
    )
    ARRAY JOIN stacktrace_ids AS stacktrace_id, values AS value
    GROUP BY stack
    HAVING value != 0
        ) AS values_of_stacks ON id = stack
        WHERE (tenant = {tenant:String} AND week BETWEEN toMonday(toDate({first_day:Int32})) AND toDate({last_day:Int32}) AND true) AND notEmpty(functions)
    )
    ARRAY JOIN arrayPushFront(paths, 0) AS path, arrayPushFront(frames, 0) AS frame
    GROUP BY path
    ORDER BY side_total DESC
    LIMIT {max_rows:UInt64} WITH TIES
);

SELECT name_id, any(name)
FROM functions
WHERE tenant = {tenant:String} AND week BETWEEN toMonday(toDate({first_day:Int32})) AND toDate({last_day:Int32}) AND name_id IN {ids:Array(UInt64)}
GROUP BY name_id;

SELECT labels, (arraySort(groupArray((timestamp, value))) AS points).1 AS timestamps, points.2 AS values
FROM
(
    SELECT
        CAST([], 'Array(Tuple(String, String))') AS labels,
        {first:Int64} + {step:Int64} * intDiv(toUnixTimestamp64Milli(time) - {first:Int64} + {step:Int64} - 1, {step:Int64}) AS timestamp,
        toFloat64(sum(toInt128(total))) AS value
    FROM sampled_profiles
    
    WHERE tenant = {tenant:String} AND profile_type = {profile_type:String} AND time >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({until:Int64}, 'UTC')
    GROUP BY labels, timestamp
)
GROUP BY labels
ORDER BY sum(value) DESC, labels
LIMIT {limit:UInt64};

SELECT labels, (arraySort(groupArray((timestamp, value))) AS points).1 AS timestamps, points.2 AS values
FROM
(
    SELECT
        present AS labels,
        {first:Int64} + {step:Int64} * intDiv(toUnixTimestamp64Milli(time) - {first:Int64} + {step:Int64} - 1, {step:Int64}) AS timestamp,
        toFloat64(sum(toInt128(total))) AS value
    FROM sampled_profiles
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
    WHERE tenant = {tenant:String} AND profile_type = {profile_type:String} AND time >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({until:Int64}, 'UTC')
    GROUP BY labels, timestamp
)
GROUP BY labels
ORDER BY sum(value) DESC, labels
LIMIT {limit:UInt64};

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
            WHERE tenant = {tenant:String} AND profile_type = {profile_type:String}
                AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32})
                AND true AND service = {m0_value:String} AND match('', concat('\\b\\B|', {m1_value:String})) < 2 AND match(concat(labels[{m1_name:String}], piece), concat('^(?s:\\b\\B|', {m1_value:String}, ')$')) AND labels[{m2_name:String}] != {m2_value:String}
            SETTINGS max_block_size = 5461
        ) AND time >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({until:Int64}, 'UTC') AND true
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

SELECT fingerprint, any(labels)
FROM series
WHERE tenant = {tenant:String} AND profile_type = {profile_type:String}
    AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32})
    AND fingerprint IN {ids:Array(UInt64)}
GROUP BY fingerprint;

WITH
    (SELECT groupArray(id) FROM (SELECT DISTINCT id FROM locations WHERE tenant = {tenant:String} AND week BETWEEN toMonday(toDate({first_day:Int32})) AND toDate({last_day:Int32}) AND service = {service:String} ORDER BY id)) AS known,
    arrayPushBack(known, 0) AS ids,
    arrayMap(number -> arrayStringConcat(arrayMap(group -> char(bitOr(bitShiftRight(number, 7 * group), if(group < arrayCount(bound -> number >= bound, [128, 16384, 2097152, 268435456, 34359738368, 4398046511104, 562949953421312, 72057594037927936, 9223372036854775808]), 128, 0))), range(arrayCount(bound -> number >= bound, [128, 16384, 2097152, 268435456, 34359738368, 4398046511104, 562949953421312, 72057594037927936, 9223372036854775808]) + 1))), arrayEnumerate(ids)) AS numbers,
    arrayMap(number -> char(bitOr(bitShiftRight(number, 0), 128), bitOr(bitShiftRight(number, 7), 128), bitOr(bitShiftRight(number, 14), 128), bitShiftRight(number, 21)), arrayEnumerate(ids)) AS padded_numbers
SELECT
    arrayStringConcat(arraySort(groupArray(sample))) AS samples,
    groupUniqArrayArray(locations) AS used,
    arrayMap(id -> transform(id, ids, padded_numbers, ''), used) AS used_numbers,
    length(known) AS ids_known,
    min(wide) AS least,
    sum(wide) AS total
FROM
(
    SELECT
        value AS wide,
        toInt64(wide) AS narrow,
        locations,
        arrayStringConcat(arrayMap(id -> transform(id, ids, numbers, ''), arrayReverse(locations))) AS stack,
        concat('\x12', formatRow('RowBinary', concat('\x0a', formatRow('RowBinary', stack), '\x12', formatRow('RowBinary', arrayStringConcat(arrayMap(group -> char(bitOr(bitShiftRight(narrow, 7 * group), if(group < arrayCount(bound -> narrow >= bound, [128, 16384, 2097152, 268435456, 34359738368, 4398046511104, 562949953421312, 72057594037927936, 9223372036854775808]), 128, 0))), range(arrayCount(bound -> narrow >= bound, [128, 16384, 2097152, 268435456, 34359738368, 4398046511104, 562949953421312, 72057594037927936, 9223372036854775808]) + 1))))))) AS sample
    FROM
    (
    SELECT value, CAST(stacktraces.locations, 'Array(UInt64)') AS locations
    FROM stacktraces
    ANY INNER JOIN
    (    SELECT CAST(stacktrace_id, 'UInt64') AS stack, sum(toInt128(value)) AS value
    FROM
    (
        SELECT stacktrace_ids, values
        FROM sampled_profiles
        WHERE tenant = {tenant:String} AND profile_type = {profile_type:String} AND service = {service:String} AND true
            AND time >= fromUnixTimestamp64Milli({start:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({end:Int64}, 'UTC')
    )
    ARRAY JOIN stacktrace_ids AS stacktrace_id, values AS value
    GROUP BY stack
    HAVING value != 0
    ) AS values_of_stacks ON id = stack
    WHERE (tenant = {tenant:String} AND week BETWEEN toMonday(toDate({first_day:Int32})) AND toDate({last_day:Int32}) AND service = {service:String} AND true)
    )
);

WITH
    (SELECT groupArray(id) FROM (SELECT DISTINCT id FROM functions WHERE tenant = {tenant:String} AND week BETWEEN toMonday(toDate({first_day:Int32})) AND toDate({last_day:Int32}) AND service = {service:String} ORDER BY id)) AS known_functions,
    (SELECT groupArray(id) FROM (SELECT DISTINCT id FROM mappings WHERE tenant = {tenant:String} AND week BETWEEN toMonday(toDate({first_day:Int32})) AND toDate({last_day:Int32}) AND service = {service:String} ORDER BY id)) AS known_mappings,
    arrayMap(number -> arrayStringConcat(arrayMap(group -> char(bitOr(bitShiftRight(number, 7 * group), if(group < arrayCount(bound -> number >= bound, [128, 16384, 2097152, 268435456, 34359738368, 4398046511104, 562949953421312, 72057594037927936, 9223372036854775808]), 128, 0))), range(arrayCount(bound -> number >= bound, [128, 16384, 2097152, 268435456, 34359738368, 4398046511104, 562949953421312, 72057594037927936, 9223372036854775808]) + 1))), arrayEnumerate(known_functions)) AS numbers,
    arrayMap(number -> char(bitOr(bitShiftRight(number, 0), 128), bitOr(bitShiftRight(number, 7), 128), bitOr(bitShiftRight(number, 14), 128), bitShiftRight(number, 21)), arrayEnumerate(known_functions)) AS padded_numbers,
    arrayMap(number -> arrayStringConcat(arrayMap(group -> char(bitOr(bitShiftRight(number, 7 * group), if(group < arrayCount(bound -> number >= bound, [128, 16384, 2097152, 268435456, 34359738368, 4398046511104, 562949953421312, 72057594037927936, 9223372036854775808]), 128, 0))), range(arrayCount(bound -> number >= bound, [128, 16384, 2097152, 268435456, 34359738368, 4398046511104, 562949953421312, 72057594037927936, 9223372036854775808]) + 1))), arrayEnumerate(known_mappings)) AS mapping_numbers
SELECT
    groupArray(id) AS ids,
    groupArray(concat('\x22', substring(formatRow('RowBinary', concat(location, '\x08', '0000')), 1, -4))) AS encoded,
    groupArrayArrayIf(arrayMap(line -> id, lines), {more:Bool}) AS ids_of_lines,
    groupArrayArrayIf(lines.function_id, {more:Bool}) AS function_ids,
    groupUniqArrayArray(lines.function_id) AS used_functions,
    arrayMap(id -> transform(id, known_functions, padded_numbers, ''), used_functions) AS function_numbers,
    length(known_functions) AS functions_known,
    groupArrayIf(mapping_id, {more:Bool}) AS mapping_ids,
    groupUniqArray(mapping_id) AS used_mappings,
    arrayMap(id -> indexOf(known_mappings, id), used_mappings) AS used_mapping_numbers,
    length(known_mappings) AS mappings_known
FROM
(
    SELECT
        id,
        mapping_id,
        lines,
        concat(
            '\x10', transform(mapping_id, known_mappings, mapping_numbers, '\0'),
            '\x18', arrayStringConcat(arrayMap(group -> char(bitOr(bitShiftRight(address, 7 * group), if(group < arrayCount(bound -> address >= bound, [128, 16384, 2097152, 268435456, 34359738368, 4398046511104, 562949953421312, 72057594037927936, 9223372036854775808]), 128, 0))), range(arrayCount(bound -> address >= bound, [128, 16384, 2097152, 268435456, 34359738368, 4398046511104, 562949953421312, 72057594037927936, 9223372036854775808]) + 1))),
            arrayStringConcat(arrayMap(
                (function, line) -> if(function = '', '', concat('\x22', formatRow('RowBinary', concat('\x08', function, '\x10', arrayStringConcat(arrayMap(group -> char(bitOr(bitShiftRight(toUInt64(line.2), 7 * group), if(group < arrayCount(bound -> toUInt64(line.2) >= bound, [128, 16384, 2097152, 268435456, 34359738368, 4398046511104, 562949953421312, 72057594037927936, 9223372036854775808]), 128, 0))), range(arrayCount(bound -> toUInt64(line.2) >= bound, [128, 16384, 2097152, 268435456, 34359738368, 4398046511104, 562949953421312, 72057594037927936, 9223372036854775808]) + 1))), '\x18', arrayStringConcat(arrayMap(group -> char(bitOr(bitShiftRight(toUInt64(line.3), 7 * group), if(group < arrayCount(bound -> toUInt64(line.3) >= bound, [128, 16384, 2097152, 268435456, 34359738368, 4398046511104, 562949953421312, 72057594037927936, 9223372036854775808]), 128, 0))), range(arrayCount(bound -> toUInt64(line.3) >= bound, [128, 16384, 2097152, 268435456, 34359738368, 4398046511104, 562949953421312, 72057594037927936, 9223372036854775808]) + 1))))))),
                arrayMap(id -> transform(id, known_functions, numbers, ''), lines.function_id),
                lines
            ))
        ) AS location
    FROM (SELECT id, address, mapping_id, lines FROM locations WHERE tenant = {tenant:String} AND week BETWEEN toMonday(toDate({first_day:Int32})) AND toDate({last_day:Int32}) AND service = {service:String} AND true LIMIT 1 BY id)
);

WITH
    (
        SELECT groupUniqArray(2)((labels['service_repository'], labels['service_git_ref'], labels['service_root_path']))
        FROM series
        WHERE tenant = {tenant:String} AND profile_type = {profile_type:String} AND service = {service:String} AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32})
    ) AS sources
SELECT
    sources,
    id,
    any(memory_start),
    any(memory_limit),
    any(file_offset),
    any(filename),
    any(build_id),
    any(flags)
FROM mappings
WHERE tenant = {tenant:String} AND week BETWEEN toMonday(toDate({first_day:Int32})) AND toDate({last_day:Int32}) AND service = {service:String} AND true
GROUP BY id
ORDER BY id;

SELECT
    ids,
    arrayMap(
        (name, system_name, filename, start_line) -> concat('\x2a', substring(formatRow('RowBinary', concat(concat('\x10', name, '\x18', system_name, '\x20', filename, '\x28', arrayStringConcat(arrayMap(group -> char(bitOr(bitShiftRight(toUInt64(start_line), 7 * group), if(group < arrayCount(bound -> toUInt64(start_line) >= bound, [128, 16384, 2097152, 268435456, 34359738368, 4398046511104, 562949953421312, 72057594037927936, 9223372036854775808]), 128, 0))), range(arrayCount(bound -> toUInt64(start_line) >= bound, [128, 16384, 2097152, 268435456, 34359738368, 4398046511104, 562949953421312, 72057594037927936, 9223372036854775808]) + 1)))), '\x08', '0000')), 1, -4)),
        arraySlice(indexes, 2, length(ids)),
        arraySlice(indexes, 2 + length(ids), length(ids)),
        arraySlice(indexes, 2 + 2 * length(ids), length(ids)),
        start_lines
    ) AS encoded,
    arrayStringConcat(arrayMap(text -> concat('\x32', formatRow('RowBinary', text)), arrayDistinct(texts))) AS encoded_texts,
    arrayMax(numbers) AS text_count
FROM
(
    SELECT
        groupArray(id) AS ids,
        groupArray(start_line) AS start_lines,
        arrayConcat([''], groupArray(name), groupArray(system_name), groupArray(filename)) AS texts,
        arrayEnumerateDense(texts) AS numbers,
        arrayMap(number -> arrayStringConcat(arrayMap(group -> char(bitOr(bitShiftRight((number - 1), 7 * group), if(group < arrayCount(bound -> (number - 1) >= bound, [128, 16384, 2097152, 268435456, 34359738368, 4398046511104, 562949953421312, 72057594037927936, 9223372036854775808]), 128, 0))), range(arrayCount(bound -> (number - 1) >= bound, [128, 16384, 2097152, 268435456, 34359738368, 4398046511104, 562949953421312, 72057594037927936, 9223372036854775808]) + 1))), numbers) AS indexes
    FROM
    (
        SELECT id, name, system_name, filename, start_line
        FROM functions
        WHERE tenant = {tenant:String} AND week BETWEEN toMonday(toDate({first_day:Int32})) AND toDate({last_day:Int32}) AND service = {service:String} AND true
        LIMIT 1 BY id
    )
);

WITH
    (SELECT groupArray(id) FROM (SELECT DISTINCT id FROM locations WHERE tenant = {tenant:String} AND week BETWEEN toMonday(toDate({first_day:Int32})) AND toDate({last_day:Int32}) AND service = {service:String} ORDER BY id)) AS known,
    arrayPushBack(known, 0) AS ids,
    arrayMap(number -> arrayStringConcat(arrayMap(group -> char(bitOr(bitShiftRight(number, 7 * group), if(group < arrayCount(bound -> number >= bound, [128, 16384, 2097152, 268435456, 34359738368, 4398046511104, 562949953421312, 72057594037927936, 9223372036854775808]), 128, 0))), range(arrayCount(bound -> number >= bound, [128, 16384, 2097152, 268435456, 34359738368, 4398046511104, 562949953421312, 72057594037927936, 9223372036854775808]) + 1))), arrayEnumerate(ids)) AS numbers,
    arrayMap(number -> char(bitOr(bitShiftRight(number, 0), 128), bitOr(bitShiftRight(number, 7), 128), bitOr(bitShiftRight(number, 14), 128), bitShiftRight(number, 21)), arrayEnumerate(ids)) AS padded_numbers
SELECT
    arrayStringConcat(arraySort(groupArray(sample))) AS samples,
    groupUniqArrayArray(locations) AS used,
    arrayMap(id -> transform(id, ids, padded_numbers, ''), used) AS used_numbers,
    length(known) AS ids_known,
    min(wide) AS least,
    sum(wide) AS total
FROM
(
    SELECT
        value AS wide,
        toInt64(wide) AS narrow,
        locations,
        arrayStringConcat(arrayMap(id -> transform(id, ids, numbers, ''), arrayReverse(locations))) AS stack,
        concat('\x12', formatRow('RowBinary', concat('\x0a', formatRow('RowBinary', stack), '\x12', formatRow('RowBinary', arrayStringConcat(arrayMap(group -> char(bitOr(bitShiftRight(narrow, 7 * group), if(group < arrayCount(bound -> narrow >= bound, [128, 16384, 2097152, 268435456, 34359738368, 4398046511104, 562949953421312, 72057594037927936, 9223372036854775808]), 128, 0))), range(arrayCount(bound -> narrow >= bound, [128, 16384, 2097152, 268435456, 34359738368, 4398046511104, 562949953421312, 72057594037927936, 9223372036854775808]) + 1))))))) AS sample
    FROM
    (
    SELECT sum(value) AS value, kept_locations AS locations
    FROM
    (
        SELECT
            value,
            arrayCount(path -> path IN (
                SELECT path
                FROM (SELECT value, arrayJoin(arrayCumSum(arrayMap((location, depth) -> cityHash64(location, depth), locations, arrayEnumerate(locations)))) AS path FROM (
    SELECT value, CAST(stacktraces.locations, 'Array(UInt64)') AS locations
    FROM stacktraces
    ANY INNER JOIN
    (    SELECT CAST(stacktrace_id, 'UInt64') AS stack, sum(toInt128(value)) AS value
    FROM
    (
        SELECT stacktrace_ids, values
        FROM sampled_profiles
        WHERE tenant = {tenant:String} AND profile_type = {profile_type:String} AND service = {service:String} AND true
            AND time >= fromUnixTimestamp64Milli({start:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({end:Int64}, 'UTC')
    )
    ARRAY JOIN stacktrace_ids AS stacktrace_id, values AS value
    GROUP BY stack
    HAVING value != 0
    ) AS values_of_stacks ON id = stack
    WHERE (tenant = {tenant:String} AND week BETWEEN toMonday(toDate({first_day:Int32})) AND toDate({last_day:Int32}) AND service = {service:String} AND true)))
                GROUP BY path
                ORDER BY sum(value) DESC
                LIMIT {max_nodes:UInt64} WITH TIES
            ), arrayCumSum(arrayMap((location, depth) -> cityHash64(location, depth), locations, arrayEnumerate(locations)))) AS kept,
            if(
                kept < length(locations), arrayPushBack(arraySlice(locations, 1, kept), 0), locations
            ) AS kept_locations
        FROM (
    SELECT value, CAST(stacktraces.locations, 'Array(UInt64)') AS locations
    FROM stacktraces
    ANY INNER JOIN
    (    SELECT CAST(stacktrace_id, 'UInt64') AS stack, sum(toInt128(value)) AS value
    FROM
    (
        SELECT stacktrace_ids, values
        FROM sampled_profiles
        WHERE tenant = {tenant:String} AND profile_type = {profile_type:String} AND service = {service:String} AND true
            AND time >= fromUnixTimestamp64Milli({start:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({end:Int64}, 'UTC')
    )
    ARRAY JOIN stacktrace_ids AS stacktrace_id, values AS value
    GROUP BY stack
    HAVING value != 0
    ) AS values_of_stacks ON id = stack
    WHERE (tenant = {tenant:String} AND week BETWEEN toMonday(toDate({first_day:Int32})) AND toDate({last_day:Int32}) AND service = {service:String} AND true))
    )
    GROUP BY kept_locations
    )
);

WITH
    (SELECT groupArray(id) FROM (SELECT DISTINCT id FROM locations WHERE tenant = {tenant:String} AND week BETWEEN toMonday(toDate({first_day:Int32})) AND toDate({last_day:Int32}) AND service = {service:String} ORDER BY id)) AS known,
    arrayPushBack(known, 0) AS ids,
    arrayMap(number -> arrayStringConcat(arrayMap(group -> char(bitOr(bitShiftRight(number, 7 * group), if(group < arrayCount(bound -> number >= bound, [128, 16384, 2097152, 268435456, 34359738368, 4398046511104, 562949953421312, 72057594037927936, 9223372036854775808]), 128, 0))), range(arrayCount(bound -> number >= bound, [128, 16384, 2097152, 268435456, 34359738368, 4398046511104, 562949953421312, 72057594037927936, 9223372036854775808]) + 1))), arrayEnumerate(ids)) AS numbers,
    arrayMap(number -> char(bitOr(bitShiftRight(number, 0), 128), bitOr(bitShiftRight(number, 7), 128), bitOr(bitShiftRight(number, 14), 128), bitShiftRight(number, 21)), arrayEnumerate(ids)) AS padded_numbers
SELECT
    arrayStringConcat(arraySort(groupArray(sample))) AS samples,
    groupUniqArrayArray(locations) AS used,
    arrayMap(id -> transform(id, ids, padded_numbers, ''), used) AS used_numbers,
    length(known) AS ids_known,
    min(wide) AS least,
    sum(wide) AS total
FROM
(
    SELECT
        value AS wide,
        toInt64(wide) AS narrow,
        locations,
        arrayStringConcat(arrayMap(id -> transform(id, ids, numbers, ''), arrayReverse(locations))) AS stack,
        concat('\x12', formatRow('RowBinary', concat('\x0a', formatRow('RowBinary', stack), '\x12', formatRow('RowBinary', arrayStringConcat(arrayMap(group -> char(bitOr(bitShiftRight(narrow, 7 * group), if(group < arrayCount(bound -> narrow >= bound, [128, 16384, 2097152, 268435456, 34359738368, 4398046511104, 562949953421312, 72057594037927936, 9223372036854775808]), 128, 0))), range(arrayCount(bound -> narrow >= bound, [128, 16384, 2097152, 268435456, 34359738368, 4398046511104, 562949953421312, 72057594037927936, 9223372036854775808]) + 1))))))) AS sample
    FROM
    (
    SELECT sum(value) AS value, leaves AS locations
    FROM
    (
        SELECT
            value,
            arraySlice(locations, greatest(1, toInt64(length(locations)) - {leaf_locations:Int64} + 1)) AS leaves
        FROM (
    SELECT value, CAST(stacktraces.locations, 'Array(UInt64)') AS locations
    FROM stacktraces
    ANY INNER JOIN
    (    SELECT CAST(stacktrace_id, 'UInt64') AS stack, sum(toInt128(value)) AS value
    FROM
    (
        SELECT stacktrace_ids, values
        FROM sampled_profiles
        WHERE tenant = {tenant:String} AND profile_type = {profile_type:String} AND service = {service:String} AND true
            AND time >= fromUnixTimestamp64Milli({start:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({end:Int64}, 'UTC')
    )
    ARRAY JOIN stacktrace_ids AS stacktrace_id, values AS value
    GROUP BY stack
    HAVING value != 0
    ) AS values_of_stacks ON id = stack
    WHERE (tenant = {tenant:String} AND week BETWEEN toMonday(toDate({first_day:Int32})) AND toDate({last_day:Int32}) AND service = {service:String} AND true))
    )
    GROUP BY leaves
    )
);

WITH
    (SELECT groupArray(id) FROM (SELECT DISTINCT id FROM locations WHERE tenant = {tenant:String} AND week BETWEEN toMonday(toDate({first_day:Int32})) AND toDate({last_day:Int32}) AND service = {service:String} ORDER BY id)) AS known,
    arrayPushBack(known, 0) AS ids,
    arrayMap(number -> arrayStringConcat(arrayMap(group -> char(bitOr(bitShiftRight(number, 7 * group), if(group < arrayCount(bound -> number >= bound, [128, 16384, 2097152, 268435456, 34359738368, 4398046511104, 562949953421312, 72057594037927936, 9223372036854775808]), 128, 0))), range(arrayCount(bound -> number >= bound, [128, 16384, 2097152, 268435456, 34359738368, 4398046511104, 562949953421312, 72057594037927936, 9223372036854775808]) + 1))), arrayEnumerate(ids)) AS numbers,
    arrayMap(number -> char(bitOr(bitShiftRight(number, 0), 128), bitOr(bitShiftRight(number, 7), 128), bitOr(bitShiftRight(number, 14), 128), bitShiftRight(number, 21)), arrayEnumerate(ids)) AS padded_numbers
SELECT
    arrayStringConcat(arraySort(groupArray(sample))) AS samples,
    groupUniqArrayArray(locations) AS used,
    arrayMap(id -> transform(id, ids, padded_numbers, ''), used) AS used_numbers,
    length(known) AS ids_known,
    min(wide) AS least,
    sum(wide) AS total
FROM
(
    SELECT
        value AS wide,
        toInt64(wide) AS narrow,
        locations,
        arrayStringConcat(arrayMap(id -> transform(id, ids, numbers, ''), arrayReverse(locations))) AS stack,
        concat('\x12', formatRow('RowBinary', concat('\x0a', formatRow('RowBinary', stack), '\x12', formatRow('RowBinary', arrayStringConcat(arrayMap(group -> char(bitOr(bitShiftRight(narrow, 7 * group), if(group < arrayCount(bound -> narrow >= bound, [128, 16384, 2097152, 268435456, 34359738368, 4398046511104, 562949953421312, 72057594037927936, 9223372036854775808]), 128, 0))), range(arrayCount(bound -> narrow >= bound, [128, 16384, 2097152, 268435456, 34359738368, 4398046511104, 562949953421312, 72057594037927936, 9223372036854775808]) + 1))))))) AS sample
    FROM
    (
    SELECT value, CAST(stacktraces.locations, 'Array(UInt64)') AS locations
    FROM stacktraces
    ANY INNER JOIN
    (    SELECT CAST(stacktrace_id, 'UInt64') AS stack, sum(toInt128(value)) AS value
    FROM
    (
        SELECT stacktrace_ids, values
        FROM sampled_profiles
        WHERE tenant = {tenant:String} AND profile_type = {profile_type:String} AND service = {service:String}
            AND time >= fromUnixTimestamp64Milli({start:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({end:Int64}, 'UTC')
            AND (fingerprint, toStartOfHour(time)) NOT IN (
                SELECT fingerprint, hour
                FROM rollups
                WHERE tenant = {tenant:String} AND profile_type = {profile_type:String} AND service = {service:String} AND hour >= toDateTime({first_hour:UInt32}, 'UTC') AND hour < toDateTime({end_hour:UInt32}, 'UTC')
                AND (fingerprint, hour, profiles, profiles_hash) IN (
                    SELECT fingerprint, toStartOfHour(time) AS of_hour, count(), sum(cityHash64(profile_id))
                    FROM sampled_profiles
                    WHERE tenant = {tenant:String} AND profile_type = {profile_type:String} AND service = {service:String}
                        AND time >= toDateTime({first_hour:UInt32}, 'UTC') AND time < toDateTime({end_hour:UInt32}, 'UTC')
                    GROUP BY fingerprint, of_hour
                )
            )
        UNION ALL
        SELECT stacktrace_ids, values
        FROM rollups
        WHERE tenant = {tenant:String} AND profile_type = {profile_type:String} AND service = {service:String} AND hour >= toDateTime({first_hour:UInt32}, 'UTC') AND hour < toDateTime({end_hour:UInt32}, 'UTC')
                AND (fingerprint, hour, profiles, profiles_hash) IN (
                    SELECT fingerprint, toStartOfHour(time) AS of_hour, count(), sum(cityHash64(profile_id))
                    FROM sampled_profiles
                    WHERE tenant = {tenant:String} AND profile_type = {profile_type:String} AND service = {service:String}
                        AND time >= toDateTime({first_hour:UInt32}, 'UTC') AND time < toDateTime({end_hour:UInt32}, 'UTC')
                    GROUP BY fingerprint, of_hour
                )
        LIMIT 1 BY fingerprint, hour
    )
    ARRAY JOIN stacktrace_ids AS stacktrace_id, values AS value
    GROUP BY stack
    HAVING value != 0
    ) AS values_of_stacks ON id = stack
    WHERE (tenant = {tenant:String} AND week BETWEEN toMonday(toDate({first_day:Int32})) AND toDate({last_day:Int32}) AND service = {service:String} AND true)
    )
);

SELECT
    path,
    toUInt64(path - (bitShiftLeft(cityHash64(name_id, toUInt32(path % 4096)), 12) + 1)) AS parent,
    name_id,
    side_total,
    side_self,
    side_exact
FROM
(
    SELECT
        path,
        any(frame) AS name_id,
        sum(side) AS side_total,
        sum(if(path % 4096 = height, side, 0)) AS side_self,
        sumIf(if(side_wide < 0, toInt128('9223372036854775808'), side_wide), path = 0) AS side_exact
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
        (    SELECT CAST(stacktrace_id, 'UInt64') AS stack, sum(toInt128(value)) AS value
    FROM
    (
        SELECT stacktrace_ids, values, span_ids, trace_ids
        FROM sampled_profiles
        WHERE tenant = {tenant:String} AND profile_type = {profile_type:String} AND service = {service:String} AND true
            AND time >= fromUnixTimestamp64Milli({start:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({end:Int64}, 'UTC')
    )
    ARRAY JOIN
        stacktrace_ids AS stacktrace_id,
        values AS value,
        arrayResize(span_ids, length(values)) AS span_id,
        arrayResize(trace_ids, length(values)) AS trace_id
    WHERE true AND span_id IN {span_ids:Array(UInt64)}
    GROUP BY stack
    HAVING value != 0
        ) AS values_of_stacks ON id = stack
        WHERE (tenant = {tenant:String} AND week BETWEEN toMonday(toDate({first_day:Int32})) AND toDate({last_day:Int32}) AND service = {service:String} AND true) AND notEmpty(functions)
    )
    ARRAY JOIN arrayPushFront(paths, 0) AS path, arrayPushFront(frames, 0) AS frame
    GROUP BY path
    ORDER BY side_total DESC
    LIMIT {max_rows:UInt64} WITH TIES
);

SELECT name_id, any(name)
FROM functions
WHERE tenant = {tenant:String} AND week BETWEEN toMonday(toDate({first_day:Int32})) AND toDate({last_day:Int32}) AND service = {service:String} AND name_id IN {ids:Array(UInt64)}
GROUP BY name_id;

SELECT
    path,
    toUInt64(path - (bitShiftLeft(cityHash64(name_id, toUInt32(path % 4096)), 12) + 1)) AS parent,
    name_id,
    side_total,
    side_self,
    side_exact
FROM
(
    SELECT
        path,
        any(frame) AS name_id,
        sum(side) AS side_total,
        sum(if(path % 4096 = height, side, 0)) AS side_self,
        sumIf(if(side_wide < 0, toInt128('9223372036854775808'), side_wide), path = 0) AS side_exact
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
        (    SELECT CAST(stacktrace_id, 'UInt64') AS stack, sum(toInt128(value)) AS value
    FROM
    (
        SELECT stacktrace_ids, values
        FROM sampled_profiles
        WHERE tenant = {tenant:String} AND profile_type = {profile_type:String} AND service = {service:String} AND true
            AND time >= fromUnixTimestamp64Milli({start:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({end:Int64}, 'UTC')
    )
    ARRAY JOIN stacktrace_ids AS stacktrace_id, values AS value
    GROUP BY stack
    HAVING value != 0
        ) AS values_of_stacks ON id = stack
        WHERE (tenant = {tenant:String} AND week BETWEEN toMonday(toDate({first_day:Int32})) AND toDate({last_day:Int32}) AND service = {service:String} AND true) AND notEmpty(functions)
    )
    ARRAY JOIN arrayPushFront(paths, 0) AS path, arrayPushFront(frames, 0) AS frame
    GROUP BY path
    ORDER BY side_total DESC
    LIMIT {max_rows:UInt64} WITH TIES
);

SELECT
    path,
    toUInt64(path - (bitShiftLeft(cityHash64(name_id, toUInt32(path % 4096)), 12) + 1)) AS parent,
    name_id,
    side_total,
    side_self,
    side_exact
FROM
(
    SELECT
        path,
        any(frame) AS name_id,
        sum(side) AS side_total,
        sum(if(path % 4096 = height, side, 0)) AS side_self,
        sumIf(if(side_wide < 0, toInt128('9223372036854775808'), side_wide), path = 0) AS side_exact
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
        (    SELECT CAST(stacktrace_id, 'UInt64') AS stack, sum(toInt128(value)) AS value
    FROM
    (
        SELECT stacktrace_ids, values
        FROM sampled_profiles
        WHERE tenant = {tenant:String} AND profile_type = {profile_type:String} AND service = {service:String} AND fingerprint IN (
            SELECT fingerprint
            FROM series LEFT ARRAY JOIN [''] AS piece
            WHERE tenant = {tenant:String} AND profile_type = {profile_type:String}
                AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32})
                AND true AND service = {m0_value:String} AND match('', concat('\\b\\B|', {m1_value:String})) < 2 AND match(concat(labels[{m1_name:String}], piece), concat('^(?s:\\b\\B|', {m1_value:String}, ')$')) AND labels[{m2_name:String}] != {m2_value:String}
            SETTINGS max_block_size = 5461
        )
            AND time >= fromUnixTimestamp64Milli({start:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({end:Int64}, 'UTC')
            AND (fingerprint, toStartOfHour(time)) NOT IN (
                SELECT fingerprint, hour
                FROM rollups
                WHERE tenant = {tenant:String} AND profile_type = {profile_type:String} AND service = {service:String} AND fingerprint IN (
            SELECT fingerprint
            FROM series LEFT ARRAY JOIN [''] AS piece
            WHERE tenant = {tenant:String} AND profile_type = {profile_type:String}
                AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32})
                AND true AND service = {m0_value:String} AND match('', concat('\\b\\B|', {m1_value:String})) < 2 AND match(concat(labels[{m1_name:String}], piece), concat('^(?s:\\b\\B|', {m1_value:String}, ')$')) AND labels[{m2_name:String}] != {m2_value:String}
            SETTINGS max_block_size = 5461
        ) AND hour >= toDateTime({first_hour:UInt32}, 'UTC') AND hour < toDateTime({end_hour:UInt32}, 'UTC')
                AND (fingerprint, hour, profiles, profiles_hash) IN (
                    SELECT fingerprint, toStartOfHour(time) AS of_hour, count(), sum(cityHash64(profile_id))
                    FROM sampled_profiles
                    WHERE tenant = {tenant:String} AND profile_type = {profile_type:String} AND service = {service:String} AND fingerprint IN (
            SELECT fingerprint
            FROM series LEFT ARRAY JOIN [''] AS piece
            WHERE tenant = {tenant:String} AND profile_type = {profile_type:String}
                AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32})
                AND true AND service = {m0_value:String} AND match('', concat('\\b\\B|', {m1_value:String})) < 2 AND match(concat(labels[{m1_name:String}], piece), concat('^(?s:\\b\\B|', {m1_value:String}, ')$')) AND labels[{m2_name:String}] != {m2_value:String}
            SETTINGS max_block_size = 5461
        )
                        AND time >= toDateTime({first_hour:UInt32}, 'UTC') AND time < toDateTime({end_hour:UInt32}, 'UTC')
                    GROUP BY fingerprint, of_hour
                )
            )
        UNION ALL
        SELECT stacktrace_ids, values
        FROM rollups
        WHERE tenant = {tenant:String} AND profile_type = {profile_type:String} AND service = {service:String} AND fingerprint IN (
            SELECT fingerprint
            FROM series LEFT ARRAY JOIN [''] AS piece
            WHERE tenant = {tenant:String} AND profile_type = {profile_type:String}
                AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32})
                AND true AND service = {m0_value:String} AND match('', concat('\\b\\B|', {m1_value:String})) < 2 AND match(concat(labels[{m1_name:String}], piece), concat('^(?s:\\b\\B|', {m1_value:String}, ')$')) AND labels[{m2_name:String}] != {m2_value:String}
            SETTINGS max_block_size = 5461
        ) AND hour >= toDateTime({first_hour:UInt32}, 'UTC') AND hour < toDateTime({end_hour:UInt32}, 'UTC')
                AND (fingerprint, hour, profiles, profiles_hash) IN (
                    SELECT fingerprint, toStartOfHour(time) AS of_hour, count(), sum(cityHash64(profile_id))
                    FROM sampled_profiles
                    WHERE tenant = {tenant:String} AND profile_type = {profile_type:String} AND service = {service:String} AND fingerprint IN (
            SELECT fingerprint
            FROM series LEFT ARRAY JOIN [''] AS piece
            WHERE tenant = {tenant:String} AND profile_type = {profile_type:String}
                AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32})
                AND true AND service = {m0_value:String} AND match('', concat('\\b\\B|', {m1_value:String})) < 2 AND match(concat(labels[{m1_name:String}], piece), concat('^(?s:\\b\\B|', {m1_value:String}, ')$')) AND labels[{m2_name:String}] != {m2_value:String}
            SETTINGS max_block_size = 5461
        )
                        AND time >= toDateTime({first_hour:UInt32}, 'UTC') AND time < toDateTime({end_hour:UInt32}, 'UTC')
                    GROUP BY fingerprint, of_hour
                )
        LIMIT 1 BY fingerprint, hour
    )
    ARRAY JOIN stacktrace_ids AS stacktrace_id, values AS value
    GROUP BY stack
    HAVING value != 0
        ) AS values_of_stacks ON id = stack
        WHERE (tenant = {tenant:String} AND week BETWEEN toMonday(toDate({first_day:Int32})) AND toDate({last_day:Int32}) AND service = {service:String} AND true) AND notEmpty(functions)
    )
    ARRAY JOIN arrayPushFront(paths, 0) AS path, arrayPushFront(frames, 0) AS frame
    GROUP BY path
    ORDER BY side_total DESC
    LIMIT {max_rows:UInt64} WITH TIES
);

SELECT
    path,
    toUInt64(path - (bitShiftLeft(cityHash64(name_id, toUInt32(path % 4096)), 12) + 1)) AS parent,
    name_id,
    side_total,
    side_self,
    side_exact
FROM
(
    SELECT
        path,
        any(frame) AS name_id,
        sum(side) AS side_total,
        sum(if(path % 4096 = height, side, 0)) AS side_self,
        sumIf(if(side_wide < 0, toInt128('9223372036854775808'), side_wide), path = 0) AS side_exact
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
        (    SELECT CAST(stacktrace_id, 'UInt64') AS stack, sum(toInt128(value)) AS value
    FROM
    (
        SELECT stacktrace_ids, values
        FROM sampled_profiles
        WHERE tenant = {tenant:String} AND profile_type = {profile_type:String} AND service = {service:String} AND true
            AND time >= fromUnixTimestamp64Milli({start:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({end:Int64}, 'UTC')
    )
    ARRAY JOIN stacktrace_ids AS stacktrace_id, values AS value
    GROUP BY stack
    HAVING value != 0
        ) AS values_of_stacks ON id = stack
        WHERE (tenant = {tenant:String} AND week BETWEEN toMonday(toDate({first_day:Int32})) AND toDate({last_day:Int32}) AND service = {service:String} AND true AND arraySlice(functions, 1, length({call_site:Array(UInt64)})) = {call_site:Array(UInt64)}) AND notEmpty(functions)
    )
    ARRAY JOIN arrayPushFront(paths, 0) AS path, arrayPushFront(frames, 0) AS frame
    GROUP BY path
    ORDER BY side_total DESC
    LIMIT {max_rows:UInt64} WITH TIES
);

SELECT
    path,
    toUInt64(path - (bitShiftLeft(cityHash64(name_id, toUInt32(path % 4096)), 12) + 1)) AS parent,
    name_id,
    side_total,
    side_self,
    side_exact
FROM
(
    SELECT
        path,
        any(frame) AS name_id,
        sum(side) AS side_total,
        sum(if(path % 4096 = height, side, 0)) AS side_self,
        sumIf(if(side_wide < 0, toInt128('9223372036854775808'), side_wide), path = 0) AS side_exact
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
        (    SELECT CAST(stacktrace_id, 'UInt64') AS stack, sum(toInt128(value)) AS value
    FROM
    (
        SELECT stacktrace_ids, values
        FROM sampled_profiles
        WHERE tenant = {tenant:String} AND profile_type = {profile_type:String} AND service = {service:String}
            AND time >= fromUnixTimestamp64Milli({start:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({end:Int64}, 'UTC')
            AND (fingerprint, toStartOfHour(time)) NOT IN (
                SELECT fingerprint, hour
                FROM rollups
                WHERE tenant = {tenant:String} AND profile_type = {profile_type:String} AND service = {service:String} AND hour >= toDateTime({first_hour:UInt32}, 'UTC') AND hour < toDateTime({end_hour:UInt32}, 'UTC')
                AND (fingerprint, hour, profiles, profiles_hash) IN (
                    SELECT fingerprint, toStartOfHour(time) AS of_hour, count(), sum(cityHash64(profile_id))
                    FROM sampled_profiles
                    WHERE tenant = {tenant:String} AND profile_type = {profile_type:String} AND service = {service:String}
                        AND time >= toDateTime({first_hour:UInt32}, 'UTC') AND time < toDateTime({end_hour:UInt32}, 'UTC')
                    GROUP BY fingerprint, of_hour
                )
            )
        UNION ALL
        SELECT stacktrace_ids, values
        FROM rollups
        WHERE tenant = {tenant:String} AND profile_type = {profile_type:String} AND service = {service:String} AND hour >= toDateTime({first_hour:UInt32}, 'UTC') AND hour < toDateTime({end_hour:UInt32}, 'UTC')
                AND (fingerprint, hour, profiles, profiles_hash) IN (
                    SELECT fingerprint, toStartOfHour(time) AS of_hour, count(), sum(cityHash64(profile_id))
                    FROM sampled_profiles
                    WHERE tenant = {tenant:String} AND profile_type = {profile_type:String} AND service = {service:String}
                        AND time >= toDateTime({first_hour:UInt32}, 'UTC') AND time < toDateTime({end_hour:UInt32}, 'UTC')
                    GROUP BY fingerprint, of_hour
                )
        LIMIT 1 BY fingerprint, hour
    )
    ARRAY JOIN stacktrace_ids AS stacktrace_id, values AS value
    GROUP BY stack
    HAVING value != 0
        ) AS values_of_stacks ON id = stack
        WHERE (tenant = {tenant:String} AND week BETWEEN toMonday(toDate({first_day:Int32})) AND toDate({last_day:Int32}) AND service = {service:String} AND true) AND notEmpty(functions)
    )
    ARRAY JOIN arrayPushFront(paths, 0) AS path, arrayPushFront(frames, 0) AS frame
    GROUP BY path
    ORDER BY side_total DESC
    LIMIT {max_rows:UInt64} WITH TIES
);

SELECT
    path,
    toUInt64(path - (bitShiftLeft(cityHash64(name_id, toUInt32(path % 4096)), 12) + 1)) AS parent,
    name_id,
    side_total,
    side_self,
    side_exact
FROM
(
    SELECT
        path,
        any(frame) AS name_id,
        sum(side) AS side_total,
        sum(if(path % 4096 = height, side, 0)) AS side_self,
        sumIf(if(side_wide < 0, toInt128('9223372036854775808'), side_wide), path = 0) AS side_exact
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
        (    SELECT CAST(stacktrace_id, 'UInt64') AS stack, sum(toInt128(value)) AS value
    FROM
    (
        SELECT stacktrace_ids, values
        FROM sampled_profiles
        WHERE tenant = {tenant:String} AND profile_type = {profile_type:String} AND service = {service:String} AND true
            AND time >= fromUnixTimestamp64Milli({start:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({end:Int64}, 'UTC')
    )
    ARRAY JOIN stacktrace_ids AS stacktrace_id, values AS value
    GROUP BY stack
    HAVING value != 0
        ) AS values_of_stacks ON id = stack
        WHERE (tenant = {tenant:String} AND week BETWEEN toMonday(toDate({first_day:Int32})) AND toDate({last_day:Int32}) AND service = {service:String} AND true AND hasAll(CAST(functions, 'Array(UInt64)'), {frames:Array(UInt64)}) AND NOT hasAny(CAST(functions, 'Array(UInt64)'), {no_frames:Array(UInt64)}) AND (match('', concat('\\b\\B|', {frame_regex_0:String})) < 2 AND arrayExists(
        frame -> frame IN (SELECT name_id FROM functions LEFT ARRAY JOIN [''] AS piece WHERE tenant = {tenant:String} AND week BETWEEN toMonday(toDate({first_day:Int32})) AND toDate({last_day:Int32}) AND service = {service:String} AND match(concat(name, piece), concat('\\b\\B|', {frame_regex_0:String})) SETTINGS max_block_size = 1024),
        CAST(functions, 'Array(UInt64)')
    )) AND (match('', concat('\\b\\B|', {no_frame_regex_0:String})) < 2 AND NOT arrayExists(
        frame -> frame IN (SELECT name_id FROM functions LEFT ARRAY JOIN [''] AS piece WHERE tenant = {tenant:String} AND week BETWEEN toMonday(toDate({first_day:Int32})) AND toDate({last_day:Int32}) AND service = {service:String} AND match(concat(name, piece), concat('\\b\\B|', {no_frame_regex_0:String})) SETTINGS max_block_size = 1024),
        CAST(functions, 'Array(UInt64)')
    ))) AND notEmpty(functions)
    )
    ARRAY JOIN arrayPushFront(paths, 0) AS path, arrayPushFront(frames, 0) AS frame
    GROUP BY path
    ORDER BY side_total DESC
    LIMIT {max_rows:UInt64} WITH TIES
);

SELECT
    path,
    toUInt64(path - (bitShiftLeft(cityHash64(name_id, toUInt32(path % 4096)), 12) + 1)) AS parent,
    name_id,
    side_total,
    side_self,
    side_exact
FROM
(
    SELECT
        path,
        any(frame) AS name_id,
        sum(side) AS side_total,
        sum(if(path % 4096 = height, side, 0)) AS side_self,
        sumIf(if(side_wide < 0, toInt128('9223372036854775808'), side_wide), path = 0) AS side_exact
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
        (    SELECT CAST(stacktrace_id, 'UInt64') AS stack, sum(toInt128(value)) AS value
    FROM
    (
        SELECT stacktrace_ids, values
        FROM sampled_profiles
        WHERE tenant = {tenant:String} AND profile_type = {profile_type:String} AND service = {service:String} AND profile_id IN {profile_ids:Array(UUID)}
            AND time >= fromUnixTimestamp64Milli({start:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({end:Int64}, 'UTC')
    )
    ARRAY JOIN stacktrace_ids AS stacktrace_id, values AS value
    GROUP BY stack
    HAVING value != 0
        ) AS values_of_stacks ON id = stack
        WHERE (tenant = {tenant:String} AND week BETWEEN toMonday(toDate({first_day:Int32})) AND toDate({last_day:Int32}) AND service = {service:String} AND true) AND notEmpty(functions)
    )
    ARRAY JOIN arrayPushFront(paths, 0) AS path, arrayPushFront(frames, 0) AS frame
    GROUP BY path
    ORDER BY side_total DESC
    LIMIT {max_rows:UInt64} WITH TIES
);

SELECT
    path,
    toUInt64(path - (bitShiftLeft(cityHash64(name_id, toUInt32(path % 4096)), 12) + 1)) AS parent,
    name_id,
    side_total,
    side_self,
    side_exact
FROM
(
    SELECT
        path,
        any(frame) AS name_id,
        sum(side) AS side_total,
        sum(if(path % 4096 = height, side, 0)) AS side_self,
        sumIf(if(side_wide < 0, toInt128('9223372036854775808'), side_wide), path = 0) AS side_exact
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
        (    SELECT CAST(stacktrace_id, 'UInt64') AS stack, sum(toInt128(value)) AS value
    FROM
    (
        SELECT stacktrace_ids, values, span_ids, trace_ids
        FROM sampled_profiles
        WHERE tenant = {tenant:String} AND profile_type = {profile_type:String} AND service = {service:String} AND true
            AND time >= fromUnixTimestamp64Milli({start:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({end:Int64}, 'UTC')
    )
    ARRAY JOIN
        stacktrace_ids AS stacktrace_id,
        values AS value,
        arrayResize(span_ids, length(values)) AS span_id,
        arrayResize(trace_ids, length(values)) AS trace_id
    WHERE true AND trace_id IN arrayMap(id -> toFixedString(unhex(id), 16), {trace_ids:Array(String)})
    GROUP BY stack
    HAVING value != 0
        ) AS values_of_stacks ON id = stack
        WHERE (tenant = {tenant:String} AND week BETWEEN toMonday(toDate({first_day:Int32})) AND toDate({last_day:Int32}) AND service = {service:String} AND true) AND notEmpty(functions)
    )
    ARRAY JOIN arrayPushFront(paths, 0) AS path, arrayPushFront(frames, 0) AS frame
    GROUP BY path
    ORDER BY side_total DESC
    LIMIT {max_rows:UInt64} WITH TIES
);

SELECT labels, (arraySort(groupArray((timestamp, value))) AS points).1 AS timestamps, points.2 AS values
FROM
(
    SELECT
        CAST([], 'Array(Tuple(String, String))') AS labels,
        {first:Int64} + {step:Int64} * intDiv(toUnixTimestamp64Milli(time) - {first:Int64} + {step:Int64} - 1, {step:Int64}) AS timestamp,
        toFloat64(sum(toInt128(total))) AS value
    FROM sampled_profiles
    
    WHERE tenant = {tenant:String} AND profile_type = {profile_type:String} AND service = {service:String} AND time >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({until:Int64}, 'UTC')
    GROUP BY labels, timestamp
)
GROUP BY labels
ORDER BY sum(value) DESC, labels
LIMIT {limit:UInt64};

SELECT labels, (arraySort(groupArray((timestamp, value))) AS points).1 AS timestamps, points.2 AS values
FROM
(
    SELECT
        CAST([], 'Array(Tuple(String, String))') AS labels,
        {first:Int64} + {step:Int64} * intDiv(toUnixTimestamp64Milli(time) - {first:Int64} + {step:Int64} - 1, {step:Int64}) AS timestamp,
        toFloat64(avg(toInt128(total))) AS value
    FROM sampled_profiles
    
    WHERE tenant = {tenant:String} AND profile_type = {profile_type:String} AND service = {service:String} AND time >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({until:Int64}, 'UTC')
    GROUP BY labels, timestamp
)
GROUP BY labels
ORDER BY sum(value) DESC, labels
LIMIT {limit:UInt64};

SELECT labels, (arraySort(groupArray((timestamp, value))) AS points).1 AS timestamps, points.2 AS values
FROM
(
    SELECT
        present AS labels,
        {first:Int64} + {step:Int64} * intDiv(toUnixTimestamp64Milli(time) - {first:Int64} + {step:Int64} - 1, {step:Int64}) AS timestamp,
        toFloat64(sum(toInt128(total))) AS value
    FROM sampled_profiles
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
    WHERE tenant = {tenant:String} AND profile_type = {profile_type:String} AND service = {service:String} AND fingerprint IN (
            SELECT fingerprint
            FROM series LEFT ARRAY JOIN [''] AS piece
            WHERE tenant = {tenant:String} AND profile_type = {profile_type:String}
                AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32})
                AND true AND service = {m0_value:String} AND match('', concat('\\b\\B|', {m1_value:String})) < 2 AND match(concat(labels[{m1_name:String}], piece), concat('^(?s:\\b\\B|', {m1_value:String}, ')$')) AND labels[{m2_name:String}] != {m2_value:String}
            SETTINGS max_block_size = 5461
        ) AND time >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({until:Int64}, 'UTC')
    GROUP BY labels, timestamp
)
GROUP BY labels
ORDER BY sum(value) DESC, labels
LIMIT {limit:UInt64};

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
                    WHERE tenant = {tenant:String} AND profile_type = {profile_type:String} AND service = {service:String} AND time >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({until:Int64}, 'UTC') AND true
                )
                ARRAY JOIN
                    stacktrace_ids AS stacktrace_id,
                    values AS value,
                    arrayResize(span_ids, length(values)) AS span_id,
                    arrayResize(trace_ids, length(values)) AS trace_id
            )
            WHERE true AND stacktrace_id IN (SELECT id FROM stacktraces WHERE tenant = {tenant:String} AND week BETWEEN toMonday(toDate({first_day:Int32})) AND toDate({last_day:Int32}) AND service = {service:String} AND true AND arraySlice(functions, 1, length({call_site:Array(UInt64)})) = {call_site:Array(UInt64)})
            GROUP BY fingerprint, time, profile_id
    ) AS taken
    
    WHERE true
    GROUP BY labels, timestamp
)
GROUP BY labels
ORDER BY sum(value) DESC, labels
LIMIT {limit:UInt64};

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
    SELECT labels, timestamp, toFloat64(sumIf(toInt128(total), span_id = 0)) AS value, min((-total, at < {first:Int64}, at, span_id, trace_id, toString(profile_id), fingerprints)) AS exemplar
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
            SELECT fingerprint, time, profile_id, toUInt64(0) AS span_id, toFixedString('', 16) AS trace_id, total
            FROM sampled_profiles
            WHERE tenant = {tenant:String} AND profile_type = {profile_type:String} AND service = {service:String} AND time >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({until:Int64}, 'UTC')
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
    GROUP BY labels, timestamp
)
GROUP BY labels
ORDER BY sum(value) DESC, labels
LIMIT {limit:UInt64}
)
ORDER BY series_total DESC, labels;

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
                    WHERE tenant = {tenant:String} AND profile_type = {profile_type:String} AND service = {service:String} AND time >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({until:Int64}, 'UTC') AND true
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

SELECT arrayFilter(label -> match(label.1, '^[a-zA-Z_][a-zA-Z0-9_]*$'), CAST(arraySort(CAST(labels, 'Array(Tuple(String, String))')), 'Array(Tuple(String, String))')) AS label_set
FROM
(
    SELECT DISTINCT labels
    FROM series 
    WHERE tenant = {tenant:String} AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32})
        AND true
    
)
GROUP BY label_set
HAVING notEmpty(label_set)
ORDER BY label_set;

SELECT arrayFilter(label -> label.2 != '', CAST([('__profile_type__', profile_type), ('service_name', service)], 'Array(Tuple(String, String))')) AS label_set
FROM
(
    SELECT DISTINCT profile_type, service
    FROM series 
    WHERE tenant = {tenant:String} AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32})
        AND true
    
)
GROUP BY label_set
HAVING notEmpty(label_set)
ORDER BY label_set;

SELECT arrayFilter(label -> label.2 != '', CAST(arrayZip({names:Array(String)}, values), 'Array(Tuple(String, String))')) AS label_set
FROM
(
    SELECT DISTINCT arrayMap(name -> labels[name], {names:Array(String)}) AS values
    FROM series LEFT ARRAY JOIN [''] AS piece
    WHERE tenant = {tenant:String} AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32})
        AND true AND service = {m0_value:String} AND match('', concat('\\b\\B|', {m1_value:String})) < 2 AND match(concat(labels[{m1_name:String}], piece), concat('^(?s:\\b\\B|', {m1_value:String}, ')$')) AND labels[{m2_name:String}] != {m2_value:String}
    SETTINGS max_block_size = 5461
)
GROUP BY label_set
HAVING notEmpty(label_set)
ORDER BY label_set;

SELECT name, argMax((value, life, modified_at, written, deleted), version) AS latest
FROM tenant_settings
WHERE tenant = {tenant:String}
GROUP BY name
ORDER BY name;

INSERT INTO tenant_settings (`tenant`, `name`, `value`, `life`, `modified_at`, `written`, `deleted`);
