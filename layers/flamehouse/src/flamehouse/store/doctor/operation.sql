-- part: now
SELECT toUnixTimestamp64Milli(now64(3, 'UTC'))

-- part: parts
SELECT table, partition, count() AS parts, sum(bytes_on_disk)
FROM system.parts
WHERE database = currentDatabase() AND active
GROUP BY table, partition
ORDER BY parts DESC, table, partition
LIMIT 1

-- part: without_rollups
SELECT uniqExact(hour)
FROM
(
    SELECT DISTINCT tenant, service, toStartOfHour(time) AS hour
    FROM sampled_profiles
    WHERE time >= now() - toIntervalDay(7) AND time < toStartOfHour(now() - toIntervalMinute(65))
)
WHERE (tenant, service, hour) NOT IN (
    SELECT tenant, service, hour
    FROM rollups
    WHERE hour >= toStartOfHour(now() - toIntervalDay(7))
)
