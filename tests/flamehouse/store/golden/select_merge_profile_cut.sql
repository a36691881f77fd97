-- parameters: end Int64, first_day Int32, last_day Int32, max_nodes UInt64, profile_type String, service String, start Int64, tenant String
-- bound in vain: end_hour, first_hour, leaf_locations
-- settings: join_algorithm = hash, log_comment, max_block_size = 8192, max_execution_time, max_memory_usage = 4294967296, max_result_bytes = 67108864, merge_tree_min_rows_for_concurrent_read = 2048, timeout_overflow_mode = throw
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
                FROM
                (
                    SELECT value, arrayJoin(arrayCumSum(arrayMap((location, depth) -> cityHash64(location, depth), locations, arrayEnumerate(locations)))) AS path
                    FROM
                    (
    SELECT value, CAST(stacktraces.locations, 'Array(UInt64)') AS locations
    FROM stacktraces
    ANY INNER JOIN
    (
    SELECT CAST(stacktrace_id, 'UInt64') AS stack, sum(toInt128(value)) AS value
    FROM
    (
        SELECT stacktrace_ids, values
        FROM sampled_profiles
        WHERE tenant = {tenant:String} AND profile_type = {profile_type:String} AND service = {service:String}
            AND time >= fromUnixTimestamp64Milli({start:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({end:Int64}, 'UTC')
    )
    ARRAY JOIN stacktrace_ids AS stacktrace_id, values AS value
    GROUP BY stacktrace_id
    HAVING value != 0
    ) AS values_of_stacks ON id = stack
    WHERE (tenant = {tenant:String} AND week BETWEEN toMonday(toDate({first_day:Int32})) AND toDate({last_day:Int32}) AND service = {service:String})
                    )
                )
                GROUP BY path
                ORDER BY sum(value) DESC
                LIMIT {max_nodes:UInt64} WITH TIES
            ), arrayCumSum(arrayMap((location, depth) -> cityHash64(location, depth), locations, arrayEnumerate(locations)))) AS kept,
            if(
                kept < length(locations), arrayPushBack(arraySlice(locations, 1, kept), 0), locations
            ) AS kept_locations
        FROM
        (
    SELECT value, CAST(stacktraces.locations, 'Array(UInt64)') AS locations
    FROM stacktraces
    ANY INNER JOIN
    (
    SELECT CAST(stacktrace_id, 'UInt64') AS stack, sum(toInt128(value)) AS value
    FROM
    (
        SELECT stacktrace_ids, values
        FROM sampled_profiles
        WHERE tenant = {tenant:String} AND profile_type = {profile_type:String} AND service = {service:String}
            AND time >= fromUnixTimestamp64Milli({start:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({end:Int64}, 'UTC')
    )
    ARRAY JOIN stacktrace_ids AS stacktrace_id, values AS value
    GROUP BY stacktrace_id
    HAVING value != 0
    ) AS values_of_stacks ON id = stack
    WHERE (tenant = {tenant:String} AND week BETWEEN toMonday(toDate({first_day:Int32})) AND toDate({last_day:Int32}) AND service = {service:String})
        )
    )
    GROUP BY kept_locations
    )
);

-- parameters: first_day Int32, last_day Int32, more Bool, service String, tenant String
-- bound in vain: profile_type
-- settings: log_comment, max_execution_time, max_memory_usage = 4294967296, max_result_bytes = 67108864, timeout_overflow_mode = throw
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

-- parameters: first_day Int32, last_day Int32, profile_type String, service String, tenant String
-- bound in vain: more
-- settings: log_comment, max_execution_time, max_memory_usage = 4294967296, max_result_bytes = 67108864, timeout_overflow_mode = throw
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

-- parameters: first_day Int32, last_day Int32, service String, tenant String
-- bound in vain: more, profile_type
-- settings: log_comment, max_execution_time, max_memory_usage = 4294967296, max_result_bytes = 67108864, timeout_overflow_mode = throw
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
