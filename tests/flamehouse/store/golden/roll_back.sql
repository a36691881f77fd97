SELECT name
FROM system.tables
WHERE database = currentDatabase() AND name IN ('sampled_profiles', 'profiles', 'samples');

-- parameters: from_ns Int64, tenant String, until_ns Int64, upload_ids Array(String)
-- bound in vain: fingerprints, first_day, last_day
SELECT _part, countIf(NOT (    tenant = {tenant:String} AND hex(upload_id) IN {upload_ids:Array(String)}
    AND time >= fromUnixTimestamp64Nano({from_ns:Int64}, 'UTC') AND time < fromUnixTimestamp64Nano({until_ns:Int64}, 'UTC'))) AS others
FROM sampled_profiles
WHERE _part IN (SELECT DISTINCT _part FROM sampled_profiles WHERE     tenant = {tenant:String} AND hex(upload_id) IN {upload_ids:Array(String)}
    AND time >= fromUnixTimestamp64Nano({from_ns:Int64}, 'UTC') AND time < fromUnixTimestamp64Nano({until_ns:Int64}, 'UTC'))
GROUP BY _part;

-- 2 times
-- parameters: part String
ALTER TABLE sampled_profiles DROP PART {part:String};

-- parameters: fingerprints Array(UInt64), first_day Int64, last_day Int64, tenant String
-- bound in vain: from_ns, until_ns, upload_ids
SELECT _part, countIf(NOT (    tenant = {tenant:String} AND fingerprint IN {fingerprints:Array(UInt64)}
    AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32})
    AND (day, fingerprint) NOT IN (
        SELECT toDate(time, 'UTC'), fingerprint
        FROM sampled_profiles
        WHERE tenant = {tenant:String} AND fingerprint IN {fingerprints:Array(UInt64)}
            AND time >= toDateTime64({first_day:Int64} * 86400, 9, 'UTC')
            AND time < toDateTime64(({last_day:Int64} + 1) * 86400, 9, 'UTC')
    ))) AS others
FROM series
WHERE _part IN (SELECT DISTINCT _part FROM series WHERE     tenant = {tenant:String} AND fingerprint IN {fingerprints:Array(UInt64)}
    AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32})
    AND (day, fingerprint) NOT IN (
        SELECT toDate(time, 'UTC'), fingerprint
        FROM sampled_profiles
        WHERE tenant = {tenant:String} AND fingerprint IN {fingerprints:Array(UInt64)}
            AND time >= toDateTime64({first_day:Int64} * 86400, 9, 'UTC')
            AND time < toDateTime64(({last_day:Int64} + 1) * 86400, 9, 'UTC')
    ))
GROUP BY _part;

-- 2 times
-- parameters: part String
ALTER TABLE series DROP PART {part:String};
