-- part: stacks
    SELECT stack, sum(left_value) AS left_value, sum(right_value) AS right_value
    FROM
    (
        SELECT stack, value AS left_value, 0 AS right_value
        FROM
        (
$left
        )
        UNION ALL
        SELECT stack, 0 AS left_value, value AS right_value
        FROM
        (
$right
        )
    )
    GROUP BY stack

-- part: left_side
toInt128(if($call_site, left_value, 0))

-- part: right_side
toInt128(if($call_site, right_value, 0))

-- part: either
($left OR $right) AND (left_side != 0 OR right_side != 0)
