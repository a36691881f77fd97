-- part: series
SELECT profile_type, fingerprint
FROM series $join
WHERE tenant = {tenant:String} AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32}) AND $matches
$settings

-- part: weeks
SELECT toInt32(toMonday(day)) AS week, arraySort(groupUniqArray(service))
FROM series
WHERE tenant = {tenant:String} AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32})
    AND (profile_type, fingerprint) IN ($series)
GROUP BY week
ORDER BY week

-- part: profiles
    tenant = {tenant:String}
    AND time >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
    AND (profile_type, fingerprint) IN ($series)

-- A part may be merged away between the reads, so its bytes may be missing.
-- part: count
SELECT sum(profiles), toUInt64(sum(if(rows = 0, 0, profiles * bytes_on_disk / rows))), max(last_ms)
FROM
(
    SELECT _part AS name, count() AS profiles, max(toUnixTimestamp64Milli(time)) AS last_ms
    FROM sampled_profiles
    WHERE $profiles
    GROUP BY name
) AS selected
LEFT JOIN
(
    SELECT name, rows, bytes_on_disk
    FROM system.parts
    WHERE database = currentDatabase() AND table = 'sampled_profiles' AND active
) AS parts USING (name)

-- An upload with other profiles remains in the ledger.
-- part: uploads
    tenant = {tenant:String} AND upload_id IN (
$whole_uploads
    )

-- part: rollups
    tenant = {tenant:String}
    AND hour >= toStartOfHour(fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC'))
    AND hour < fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
    AND (profile_type, fingerprint) IN ($series)

-- part: labels
    tenant = {tenant:String} AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32})
    AND (profile_type, fingerprint) IN ($series)
    AND (day, profile_type, fingerprint) NOT IN (
        SELECT toDate(time, 'UTC'), profile_type, fingerprint
        FROM sampled_profiles
        WHERE tenant = {tenant:String} AND time >= toDateTime64({first_day:Int64} * 86400, 9, 'UTC')
            AND time < toDateTime64(({last_day:Int64} + 1) * 86400, 9, 'UTC')
    )

-- part: stacktraces
    $of_services AND (service, id) NOT IN (
        SELECT DISTINCT service, arrayJoin(stacktrace_ids)
        FROM sampled_profiles
        WHERE tenant = {tenant:String} AND service IN {services:Array(String)}
            AND time >= toDateTime64({week:Int64} * 86400, 9, 'UTC')
            AND time < toDateTime64(({week:Int64} + 7) * 86400, 9, 'UTC')
    )

-- part: locations
    $of_services AND (service, id) NOT IN (
        SELECT DISTINCT service, arrayJoin(locations) FROM stacktraces WHERE $of_services
    )

-- part: mappings
    $of_services AND (service, id) NOT IN (
        SELECT DISTINCT service, mapping_id FROM locations WHERE $of_services
    )

-- part: functions
    $of_services
    AND (service, name_id) NOT IN (
        SELECT DISTINCT service, arrayJoin(functions) FROM stacktraces WHERE $of_services
    )
    AND (service, id) NOT IN (
        SELECT DISTINCT service, arrayJoin(lines.function_id) FROM locations WHERE $of_services
    )

-- part: of_services
tenant = {tenant:String} AND week = toDate({week:Int32}) AND service IN {services:Array(String)}

-- part: ids
SELECT hex(upload_id)
FROM
(
$whole_uploads
)

-- part: whole_uploads
        SELECT upload_id
        FROM sampled_profiles
        WHERE tenant = {tenant:String} AND upload_id IN (SELECT upload_id FROM sampled_profiles WHERE $profiles)
        GROUP BY upload_id
        HAVING countIf(NOT ($profiles)) = 0

-- part: footprint
SELECT groupUniqArray(fingerprint), min(toUnixTimestamp64Nano(time)), max(toUnixTimestamp64Nano(time)), groupUniqArray(hex(upload_id))
FROM sampled_profiles
WHERE tenant = {tenant:String} AND upload_id IN (
    SELECT upload_id
    FROM sampled_profiles
    WHERE tenant = {tenant:String} AND hex(upload_id) IN {upload_ids:Array(String)}
    GROUP BY upload_id
    HAVING {service:String} = '' OR countIf(service = {service:String}) > 0
)

-- part: of_ledger
    tenant = {tenant:String} AND hex(upload_id) IN {upload_ids:Array(String)}

-- part: of_hours
    tenant = {tenant:String} AND fingerprint IN {fingerprints:Array(UInt64)}
    AND hour >= fromUnixTimestamp64Nano({from_ns:Int64}, 'UTC') AND hour < fromUnixTimestamp64Nano({until_ns:Int64}, 'UTC')

-- part: delete
ALTER TABLE $table DELETE WHERE $condition
