-- part: profile_types
SELECT DISTINCT profile_type
FROM series
WHERE $tenants AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32})
ORDER BY profile_type

-- part: label_names
SELECT DISTINCT arrayJoin(mapKeys(labels)) AS name
FROM series $join
WHERE $tenants AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32})
    AND $condition
ORDER BY name
$settings

-- part: label_values
SELECT DISTINCT labels[{name:String}] AS value
FROM series $join
WHERE $tenants AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32})
    AND $condition AND value != ''
ORDER BY value
$settings

-- There is a row for each series and day, so DISTINCT comes first: each set is built only once.
-- part: label_sets
SELECT arrayFilter(label -> $wanted, CAST($labels, 'Array(Tuple(String, String))')) AS label_set
FROM
(
    SELECT DISTINCT $columns
    FROM series $join
    WHERE $tenants AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32})
        AND $condition
    $settings
)
GROUP BY label_set
HAVING notEmpty(label_set)
ORDER BY label_set
