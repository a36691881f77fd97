-- part: tables
SELECT name
FROM system.tables
WHERE database = currentDatabase() AND name IN ('sampled_profiles', 'profiles', 'samples')

-- part: of_uploads
    tenant = {tenant:String} AND hex(upload_id) IN {upload_ids:Array(String)}
    AND time >= fromUnixTimestamp64Nano({from_ns:Int64}, 'UTC') AND time < fromUnixTimestamp64Nano({until_ns:Int64}, 'UTC')

-- part: without_profiles
    tenant = {tenant:String} AND fingerprint IN {fingerprints:Array(UInt64)}
    AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32})
    AND (day, fingerprint) NOT IN (
        SELECT toDate(time, 'UTC'), fingerprint
        FROM sampled_profiles
        WHERE tenant = {tenant:String} AND fingerprint IN {fingerprints:Array(UInt64)}
            AND time >= toDateTime64({first_day:Int64} * 86400, 9, 'UTC')
            AND time < toDateTime64(({last_day:Int64} + 1) * 86400, 9, 'UTC')
    )

-- part: parts
SELECT _part, countIf(NOT ($condition)) AS others
FROM $table
WHERE _part IN (SELECT DISTINCT _part FROM $table WHERE $condition)
GROUP BY _part

-- part: delete
ALTER TABLE $table DELETE WHERE $condition

-- part: drop_part
ALTER TABLE $table DROP PART {part:String}
