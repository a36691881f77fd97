SELECT name
FROM system.tables
WHERE database = currentDatabase() AND name IN ('profiles', 'samples', 'samples_5m', 'samples_1h');

SELECT toUnixTimestamp(toDateTime(toDate(partition), 'UTC')) AS week_start, sum(rows)
FROM system.parts
WHERE database = currentDatabase() AND table = 'sampled_profiles' AND active
GROUP BY partition
ORDER BY week_start DESC;

-- parameters: from UInt32, limit UInt64, until UInt32
-- settings: deduplicate_insert_select = disable, enable_shared_storage_snapshot_in_query = 1, max_insert_threads = 1, max_threads = 1
SELECT tenant, service, toUnixTimestamp(hour), sum(profiles)
FROM
(
        SELECT
        tenant, service, toStartOfHour(time) AS hour, profile_type, fingerprint,
        count() AS profiles, sum(cityHash64(profile_id)) AS profiles_hash
    FROM sampled_profiles
    WHERE time >= toDateTime({from:UInt32}, 'UTC') AND time < toDateTime({until:UInt32}, 'UTC')
    GROUP BY ALL
)
WHERE (tenant, service, hour, profile_type, fingerprint, profiles, profiles_hash) NOT IN (
    SELECT tenant, service, hour, profile_type, fingerprint, profiles, profiles_hash
    FROM rollups
    WHERE hour >= toDateTime({from:UInt32}, 'UTC') AND hour < toDateTime({until:UInt32}, 'UTC')
)
GROUP BY tenant, service, hour
ORDER BY hour DESC, tenant, service
LIMIT {limit:UInt64};

-- parameters: hour UInt32, max_value Int64, services Array(String), tenant String
-- settings: deduplicate_insert_select = disable, enable_shared_storage_snapshot_in_query = 1, max_insert_threads = 1, max_threads = 1
INSERT INTO rollups
    (tenant, service, hour, profile_type, fingerprint, profiles, profiles_hash, made, stacktrace_ids, values)
SELECT
    tenant, service, hour, profile_type, fingerprint, covers.profiles, covers.profiles_hash, now64(9, 'UTC'), stacktrace_ids, values
FROM
(
    SELECT
        tenant, service, hour, profile_type, fingerprint,
        groupArray(stacktrace_id) AS stacktrace_ids, groupArray(toInt64(value)) AS values
    FROM
    (
        SELECT
            tenant, service, toStartOfHour(time) AS hour, profile_type, fingerprint,
            stacktrace_id, sum(toInt128(value)) AS value
        FROM sampled_profiles
        ARRAY JOIN stacktrace_ids AS stacktrace_id, values AS value
        WHERE         tenant = {tenant:String} AND service IN {services:Array(String)}
        AND time >= toDateTime({hour:UInt32}, 'UTC') AND time < toDateTime({hour:UInt32} + 3600, 'UTC')
        GROUP BY ALL
        ORDER BY ALL
    )
    GROUP BY ALL
    HAVING max(value) <= {max_value:Int64}
) AS sums
ANY INNER JOIN
(
        SELECT
        tenant, service, toStartOfHour(time) AS hour, profile_type, fingerprint,
        count() AS profiles, sum(cityHash64(profile_id)) AS profiles_hash
    FROM sampled_profiles
    WHERE         tenant = {tenant:String} AND service IN {services:Array(String)}
        AND time >= toDateTime({hour:UInt32}, 'UTC') AND time < toDateTime({hour:UInt32} + 3600, 'UTC')
    GROUP BY ALL
) AS covers USING (tenant, service, hour, profile_type, fingerprint);

-- parameters: from UInt32, limit UInt64, until UInt32
-- settings: deduplicate_insert_select = disable, enable_shared_storage_snapshot_in_query = 1, max_insert_threads = 1, max_threads = 1
SELECT tenant, service, toUnixTimestamp(hour), sum(profiles)
FROM
(
        SELECT
        tenant, service, toStartOfHour(time) AS hour, profile_type, fingerprint,
        count() AS profiles, sum(cityHash64(profile_id)) AS profiles_hash
    FROM sampled_profiles
    WHERE time >= toDateTime({from:UInt32}, 'UTC') AND time < toDateTime({until:UInt32}, 'UTC')
    GROUP BY ALL
)
WHERE (tenant, service, hour, profile_type, fingerprint, profiles, profiles_hash) NOT IN (
    SELECT tenant, service, hour, profile_type, fingerprint, profiles, profiles_hash
    FROM rollups
    WHERE hour >= toDateTime({from:UInt32}, 'UTC') AND hour < toDateTime({until:UInt32}, 'UTC')
)
GROUP BY tenant, service, hour
ORDER BY hour DESC, tenant, service
LIMIT {limit:UInt64};

-- parameters: owner String
SELECT tenant, name, argMax((value, deleted), version) AS latest
FROM tenant_settings
WHERE startsWith(tenant, {owner:String})
GROUP BY tenant, name
ORDER BY tenant, name;
