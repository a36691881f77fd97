SELECT name
FROM system.tables
WHERE database = currentDatabase() AND name IN ('profiles', 'samples', 'samples_5m', 'samples_1h');

-- parameters: first_day Int32, from_ms Int64, last_day Int32, m0_value String, m1_name String, m1_value String, m2_name String, m2_value String, tenant String, until_ms Int64
SELECT sum(profiles), toUInt64(sum(if(rows = 0, 0, profiles * bytes_on_disk / rows))), max(last_ms)
FROM
(
    SELECT _part AS name, count() AS profiles, max(toUnixTimestamp64Milli(time)) AS last_ms
    FROM sampled_profiles
    WHERE     tenant = {tenant:String}
    AND time >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
    AND (profile_type, fingerprint) IN (SELECT profile_type, fingerprint
FROM series LEFT ARRAY JOIN [''] AS piece
WHERE tenant = {tenant:String} AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32}) AND service = {m0_value:String} AND match('', concat('\\b\\B|', {m1_value:String})) < 2 AND match(concat(labels[{m1_name:String}], piece), concat('^(?s:\\b\\B|', {m1_value:String}, ')$')) AND labels[{m2_name:String}] != {m2_value:String}
SETTINGS max_block_size = 5461)
    GROUP BY name
) AS selected
LEFT JOIN
(
    SELECT name, rows, bytes_on_disk
    FROM system.parts
    WHERE database = currentDatabase() AND table = 'sampled_profiles' AND active
) AS parts USING (name);

-- parameters: first_day Int32, last_day Int32, m0_value String, m1_name String, m1_value String, m2_name String, m2_value String, tenant String
-- bound in vain: from_ms, until_ms
SELECT toInt32(toMonday(day)) AS week, arraySort(groupUniqArray(service))
FROM series
WHERE tenant = {tenant:String} AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32})
    AND (profile_type, fingerprint) IN (SELECT profile_type, fingerprint
FROM series LEFT ARRAY JOIN [''] AS piece
WHERE tenant = {tenant:String} AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32}) AND service = {m0_value:String} AND match('', concat('\\b\\B|', {m1_value:String})) < 2 AND match(concat(labels[{m1_name:String}], piece), concat('^(?s:\\b\\B|', {m1_value:String}, ')$')) AND labels[{m2_name:String}] != {m2_value:String}
SETTINGS max_block_size = 5461)
GROUP BY week
ORDER BY week;
