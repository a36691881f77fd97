-- Few subqueries: for a flame graph of one service, a third of the time goes into analyzing the SQL.
-- part: tree
SELECT
    path,
    toUInt64(path - (bitShiftLeft(cityHash64(any(frame) AS name_id, toUInt32(path % 4096)), 12) + 1)) AS parent,
    name_id,
    $sums
FROM
(
    SELECT
        $measures,
        CAST(functions, 'Array(UInt64)') AS frames,
        length(frames) AS height,
        arrayCumSum(
            arrayMap((frame, depth) -> bitShiftLeft(cityHash64(frame, depth), 12) + 1, frames, arrayEnumerate(frames))
        ) AS paths
    FROM stacktraces
    ANY INNER JOIN
    (
$stacks
    ) AS values_of_stacks ON id = stack
    WHERE $stacktraces AND notEmpty(functions)
)
ARRAY JOIN arrayPushFront(paths, 0) AS path, arrayPushFront(frames, 0) AS frame
GROUP BY path
ORDER BY $largest DESC
LIMIT {max_rows:UInt64} WITH TIES

-- part: measure
$value AS ${name}_wide, toInt64(${name}_wide) AS $name

-- Each node's sums have 64 bits.
-- part: sums
sum($name) AS ${name}_total,
    sum(if(path % 4096 = height, $name, 0)) AS ${name}_self

-- Only the root needs an exact sum to detect overflow, since no stack has a negative value. A negative stack value means
-- that it wrapped around in a roll-up.
-- part: exceeds
sumIf(if(${name}_wide < 0, toInt128('$beyond'), ${name}_wide), path = 0) > $max_int64 AS ${name}_exceeds
