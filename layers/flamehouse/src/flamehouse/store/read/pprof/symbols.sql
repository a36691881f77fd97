-- part: known
(SELECT groupArray(id) FROM (SELECT DISTINCT id FROM $table WHERE $symbols ORDER BY id))

-- part: numbers
arrayMap(id -> transform(id, $known, $numbers, ''), $ids)

-- Field 22 of a Profile: mapping_id (10), address (18), lines (22), each of function_id (08), line (10) and column (18);
-- last id (08). A line with an unknown function is dropped.
-- part: locations
WITH
    $known_functions AS known_functions,
    $known_mappings AS known_mappings,
    arrayMap(number -> $varint_number, arrayEnumerate(known_functions)) AS numbers,
    arrayMap(number -> $padded_number, arrayEnumerate(known_functions)) AS padded_numbers,
    arrayMap(number -> $varint_number, arrayEnumerate(known_mappings)) AS mapping_numbers
SELECT
    groupArray(id) AS ids,
    groupArray($encoded) AS encoded,
    groupArrayArrayIf(arrayMap(line -> id, lines), {more:Bool}) AS ids_of_lines,
    groupArrayArrayIf(lines.function_id, {more:Bool}) AS function_ids,
    groupUniqArrayArray(lines.function_id) AS used_functions,
    $function_numbers AS function_numbers,
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
            '\x18', $address,
            arrayStringConcat(arrayMap(
                (function, line) -> if(function = '', '', concat('\x22', $line)),
                $line_numbers,
                lines
            ))
        ) AS location
    FROM (SELECT id, address, mapping_id, lines FROM locations WHERE $symbols AND $named LIMIT 1 BY id)
)

-- part: line
concat('\x08', function, '\x10', $line, '\x18', $column)

-- Field 2a of a Profile: name (10), system_name (18), filename (20), start_line (28); last id (08). Field 32 holds each
-- text once, numbered in the order of first use, which arrayDistinct preserves.
-- part: functions
SELECT
    ids,
    arrayMap(
        (name, system_name, filename, start_line) -> $encoded,
        arraySlice(indexes, 2, length(ids)),
        arraySlice(indexes, 2 + length(ids), length(ids)),
        arraySlice(indexes, 2 + 2 * length(ids), length(ids)),
        start_lines
    ) AS encoded,
    arrayStringConcat(arrayMap(text -> concat('\x32', $text), arrayDistinct(texts))) AS encoded_texts,
    arrayMax(numbers) AS text_count
FROM
(
    SELECT
        groupArray(id) AS ids,
        groupArray(start_line) AS start_lines,
        arrayConcat([''], groupArray(name), groupArray(system_name), groupArray(filename)) AS texts,
        arrayEnumerateDense(texts) AS numbers,
        arrayMap(number -> $index, numbers) AS indexes
    FROM
    (
        SELECT id, name, system_name, filename, start_line
        FROM functions
        WHERE $symbols AND $named
        LIMIT 1 BY id
    )
)

-- part: function
concat('\x10', name, '\x18', system_name, '\x20', filename, '\x28', $start_line)

-- `sources` holds the source code locations of the selected series.
-- part: mappings
WITH
    (
        SELECT groupUniqArray(2)((labels['service_repository'], labels['service_git_ref'], labels['service_root_path']))
        FROM series
        WHERE $rows AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32})
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
WHERE $symbols AND $named
GROUP BY id
ORDER BY id

-- part: named
id IN (SELECT arrayJoin(arrayMap(id -> toUInt64(id), arrayConcat($bound))))

-- part: unnamed
id IN (SELECT 0)
