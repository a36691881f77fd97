SELECT name
FROM system.tables
WHERE database = currentDatabase() AND name IN ('profiles', 'samples', 'samples_5m', 'samples_1h');

-- parameters: first_day Int32, from_ms Int64, last_day Int32, tenant String, until_ms Int64
SELECT sum(profiles), toUInt64(sum(if(rows = 0, 0, profiles * bytes_on_disk / rows))), max(last_ms)
FROM
(
    SELECT _part AS name, count() AS profiles, max(toUnixTimestamp64Milli(time)) AS last_ms
    FROM sampled_profiles
    WHERE     tenant = {tenant:String}
    AND time >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
    AND (profile_type, fingerprint) IN (SELECT profile_type, fingerprint
FROM series 
WHERE tenant = {tenant:String} AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32}) AND true
)
    GROUP BY name
) AS selected
LEFT JOIN
(
    SELECT name, rows, bytes_on_disk
    FROM system.parts
    WHERE database = currentDatabase() AND table = 'sampled_profiles' AND active
) AS parts USING (name);

-- parameters: first_day Int32, last_day Int32, tenant String
-- bound in vain: from_ms, until_ms
SELECT toInt32(toMonday(day)) AS week, arraySort(groupUniqArray(service))
FROM series
WHERE tenant = {tenant:String} AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32})
    AND (profile_type, fingerprint) IN (SELECT profile_type, fingerprint
FROM series 
WHERE tenant = {tenant:String} AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32}) AND true
)
GROUP BY week
ORDER BY week;

-- parameters: tenant String
-- settings: select_sequential_consistency = 1
SELECT name, argMax((value, life, modified_at, written, deleted), version) AS latest
FROM tenant_settings
WHERE tenant = {tenant:String}
GROUP BY name
ORDER BY name;

-- settings: insert_deduplication_token
INSERT INTO tenant_settings (`tenant`, `name`, `value`, `life`, `modified_at`, `written`, `deleted`);

-- parameters: first_day Int32, last_day Int32, tenant String
-- bound in vain: from_ms, until_ms
SELECT toInt32(toMonday(day)) AS week, arraySort(groupUniqArray(service))
FROM series
WHERE tenant = {tenant:String} AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32})
    AND (profile_type, fingerprint) IN (SELECT profile_type, fingerprint
FROM series 
WHERE tenant = {tenant:String} AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32}) AND true
)
GROUP BY week
ORDER BY week;

-- parameters: first_day Int32, from_ms Int64, last_day Int32, tenant String, until_ms Int64
-- bound in vain: services, week
-- settings: allow_nondeterministic_mutations = 1, mutations_sync = 2
ALTER TABLE uploads DELETE WHERE     tenant = {tenant:String} AND upload_id IN (
        SELECT upload_id
        FROM sampled_profiles
        WHERE tenant = {tenant:String} AND upload_id IN (SELECT upload_id FROM sampled_profiles WHERE     tenant = {tenant:String}
    AND time >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
    AND (profile_type, fingerprint) IN (SELECT profile_type, fingerprint
FROM series 
WHERE tenant = {tenant:String} AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32}) AND true
))
        GROUP BY upload_id
        HAVING countIf(NOT (    tenant = {tenant:String}
    AND time >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
    AND (profile_type, fingerprint) IN (SELECT profile_type, fingerprint
FROM series 
WHERE tenant = {tenant:String} AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32}) AND true
))) = 0
    );

-- parameters: first_day Int32, from_ms Int64, last_day Int32, tenant String, until_ms Int64
-- bound in vain: services, week
-- settings: allow_nondeterministic_mutations = 1, mutations_sync = 2
ALTER TABLE sampled_profiles DELETE WHERE     tenant = {tenant:String}
    AND time >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
    AND (profile_type, fingerprint) IN (SELECT profile_type, fingerprint
FROM series 
WHERE tenant = {tenant:String} AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32}) AND true
);

-- parameters: first_day Int32, from_ms Int64, last_day Int32, tenant String, until_ms Int64
-- bound in vain: services, week
-- settings: allow_nondeterministic_mutations = 1, mutations_sync = 2
ALTER TABLE rollups DELETE WHERE     tenant = {tenant:String}
    AND hour >= toStartOfHour(fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC'))
    AND hour < fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
    AND (profile_type, fingerprint) IN (SELECT profile_type, fingerprint
FROM series 
WHERE tenant = {tenant:String} AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32}) AND true
);

-- parameters: services Array(String), tenant String, week Int64
-- bound in vain: first_day, from_ms, last_day, until_ms
-- settings: allow_nondeterministic_mutations = 1, mutations_sync = 2
ALTER TABLE stacktraces DELETE WHERE     tenant = {tenant:String} AND week = toDate({week:Int32}) AND service IN {services:Array(String)} AND (service, id) NOT IN (
        SELECT DISTINCT service, arrayJoin(stacktrace_ids)
        FROM sampled_profiles
        WHERE tenant = {tenant:String} AND service IN {services:Array(String)}
            AND time >= toDateTime64({week:Int64} * 86400, 9, 'UTC')
            AND time < toDateTime64(({week:Int64} + 7) * 86400, 9, 'UTC')
    );

-- parameters: services Array(String), tenant String, week Int32
-- bound in vain: first_day, from_ms, last_day, until_ms
-- settings: allow_nondeterministic_mutations = 1, mutations_sync = 2
ALTER TABLE locations DELETE WHERE     tenant = {tenant:String} AND week = toDate({week:Int32}) AND service IN {services:Array(String)} AND (service, id) NOT IN (
        SELECT DISTINCT service, arrayJoin(locations) FROM stacktraces WHERE tenant = {tenant:String} AND week = toDate({week:Int32}) AND service IN {services:Array(String)}
    );

-- parameters: services Array(String), tenant String, week Int32
-- bound in vain: first_day, from_ms, last_day, until_ms
-- settings: allow_nondeterministic_mutations = 1, mutations_sync = 2
ALTER TABLE mappings DELETE WHERE     tenant = {tenant:String} AND week = toDate({week:Int32}) AND service IN {services:Array(String)} AND (service, id) NOT IN (
        SELECT DISTINCT service, mapping_id FROM locations WHERE tenant = {tenant:String} AND week = toDate({week:Int32}) AND service IN {services:Array(String)}
    );

-- parameters: services Array(String), tenant String, week Int32
-- bound in vain: first_day, from_ms, last_day, until_ms
-- settings: allow_nondeterministic_mutations = 1, mutations_sync = 2
ALTER TABLE functions DELETE WHERE     tenant = {tenant:String} AND week = toDate({week:Int32}) AND service IN {services:Array(String)}
    AND (service, name_id) NOT IN (
        SELECT DISTINCT service, arrayJoin(functions) FROM stacktraces WHERE tenant = {tenant:String} AND week = toDate({week:Int32}) AND service IN {services:Array(String)}
    )
    AND (service, id) NOT IN (
        SELECT DISTINCT service, arrayJoin(lines.function_id) FROM locations WHERE tenant = {tenant:String} AND week = toDate({week:Int32}) AND service IN {services:Array(String)}
    );

-- parameters: first_day Int64, last_day Int64, tenant String
-- bound in vain: from_ms, services, until_ms, week
-- settings: allow_nondeterministic_mutations = 1, mutations_sync = 2
ALTER TABLE series DELETE WHERE     tenant = {tenant:String} AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32})
    AND (profile_type, fingerprint) IN (SELECT profile_type, fingerprint
FROM series 
WHERE tenant = {tenant:String} AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32}) AND true
)
    AND (day, profile_type, fingerprint) NOT IN (
        SELECT toDate(time, 'UTC'), profile_type, fingerprint
        FROM sampled_profiles
        WHERE tenant = {tenant:String} AND time >= toDateTime64({first_day:Int64} * 86400, 9, 'UTC')
            AND time < toDateTime64(({last_day:Int64} + 1) * 86400, 9, 'UTC')
    );
