-- part: days
SELECT toInt32(min(day)), toInt32(max(day)), count()
FROM series
WHERE $tenants

-- part: first_and_last
SELECT
    (
        SELECT minOrNull(time)
        FROM $profiles
        WHERE $tenants AND time < toDateTime64((toInt64({first_day:Int32}) + 1) * 86400, 9, 'UTC')
    ) AS first,
    (
        SELECT maxOrNull(time)
        FROM $profiles
        WHERE $tenants AND time >= toDateTime64(toInt64({last_day:Int32}) * 86400, 9, 'UTC')
    ) AS last

-- part: of_all_weeks
SELECT minOrNull(time) AS first, maxOrNull(time) AS last
FROM $profiles
WHERE $tenants

-- part: in_ms
SELECT toUnixTimestamp64Milli(first), toUnixTimestamp64Milli(last)
FROM
(
$times
)
