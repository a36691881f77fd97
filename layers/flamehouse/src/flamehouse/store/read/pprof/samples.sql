-- Field 12 of a Profile: location_id (0a), leaf first, and value (12). A location stored between the reads of `known`
-- and of the stacks has no number, and is dropped.
-- part: samples
WITH
    $known AS known,
    arrayPushBack(known, $cut_off) AS ids,
    arrayMap(number -> $varint_number, arrayEnumerate(ids)) AS numbers,
    arrayMap(number -> $padded_number, arrayEnumerate(ids)) AS padded_numbers
SELECT
    arrayStringConcat(arraySort(groupArray(sample))) AS samples,
    groupUniqArrayArray(locations) AS used,
    $used_numbers AS used_numbers,
    length(known) AS ids_known,
    min(wide) AS least,
    sum(wide) AS total
FROM
(
    SELECT
        value AS wide,
        toInt64(wide) AS narrow,
        locations,
        arrayStringConcat($stack_numbers) AS stack,
        concat('\x12', $message) AS sample
    FROM
    (
$stacks
    )
)

-- part: stack_and_value
concat('\x0a', $stack, '\x12', $value)

-- part: stacks
    SELECT value, CAST(stacktraces.locations, 'Array(UInt64)') AS locations
    FROM stacktraces
    ANY INNER JOIN
    (
$values
    ) AS values_of_stacks ON id = stack
    WHERE $stacktraces

-- part: leaves
    SELECT sum(value) AS value, leaves AS locations
    FROM
    (
        SELECT
            value,
            arraySlice(locations, greatest(1, toInt64(length(locations)) - {leaf_locations:Int64} + 1)) AS leaves
        FROM
        (
$stacks
        )
    )
    GROUP BY leaves

-- A node is a path from the root. If a node remains, so does its parent: a stack retains its outermost nodes.
-- part: cut
    SELECT sum(value) AS value, kept_locations AS locations
    FROM
    (
        SELECT
            value,
            arrayCount(path -> path IN (
                SELECT path
                FROM
                (
                    SELECT value, arrayJoin($paths) AS path
                    FROM
                    (
$stacks
                    )
                )
                GROUP BY path
                ORDER BY sum(value) DESC
                LIMIT {max_nodes:UInt64} WITH TIES
            ), $paths) AS kept,
            if(
                kept < length(locations), arrayPushBack(arraySlice(locations, 1, kept), $cut_off), locations
            ) AS kept_locations
        FROM
        (
$stacks
        )
    )
    GROUP BY kept_locations

-- part: paths
arrayCumSum(arrayMap((location, depth) -> cityHash64(location, depth), locations, arrayEnumerate(locations)))
