-- With PREWHERE, ClickHouse need not analyze which conditions to apply first.
-- part: distinct
SELECT DISTINCT $columns
FROM series $join
PREWHERE $tenants AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32})
$condition
$settings

-- There is a row for each series and day, so DISTINCT comes first: each set is built only once.
-- part: label_sets
SELECT arrayFilter(label -> $wanted, CAST($labels, 'Array(Tuple(String, String))')) AS label_set
FROM
(
$distinct
)
GROUP BY label_set
HAVING notEmpty(label_set)
ORDER BY label_set
