-- part: old_tables
SELECT name
FROM system.tables
WHERE database = currentDatabase() AND name IN ('profiles', 'samples', 'samples_5m', 'samples_1h')

-- part: hours
SELECT DISTINCT intDiv(toUnixTimestamp(time), 3600) AS hour
FROM profiles
WHERE time < fromUnixTimestamp64Milli({before:Int64}, 'UTC')
ORDER BY hour DESC

-- Rows of an acknowledged upload are in every table that existed when its INSERT began. So if such a row is only in
-- `samples`, it was stored before 0003, and no INSERT is still writing it to `sampled_profiles`.
-- part: missing
    time >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({until:Int64}, 'UTC')
    AND (tenant, profile_id, profile_type, fingerprint) NOT IN (
        SELECT tenant, profile_id, profile_type, fingerprint
        FROM sampled_profiles
        WHERE time >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({until:Int64}, 'UTC')
    )
    AND (tenant, upload_id) IN (
        SELECT tenant, upload_id
        FROM uploads
        WHERE (tenant, upload_id) IN (
            SELECT tenant, upload_id
            FROM profiles
            WHERE time >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({until:Int64}, 'UTC')
        )
    )

-- The count and the sum identify the missing rows, and form the deduplication token of their INSERT.
-- part: content
SELECT count(), sum(cityHash64(tenant, profile_id, profile_type, fingerprint))
FROM profiles
WHERE $missing

-- part: carry
INSERT INTO sampled_profiles
    (tenant, service, time, profile_id, profile_type, fingerprint, upload_id, total, duration,
    stacktrace_ids, values, span_ids, trace_ids)
SELECT
    tenant, service, time, profile_id, profile_type, fingerprint, profiles.upload_id, profiles.total, profiles.duration,
    stacktrace_ids, values, span_ids, trace_ids
FROM
(
    SELECT
        tenant, service, time, profile_id, profile_type, fingerprint,
        $samples
    FROM samples
    WHERE $missing
    GROUP BY tenant, service, time, profile_id, profile_type, fingerprint
) AS carried
ANY INNER JOIN
(
    SELECT tenant, profile_id, profile_type, fingerprint, upload_id, total, duration
    FROM profiles
    WHERE time >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({until:Int64}, 'UTC')
) AS profiles USING (tenant, profile_id, profile_type, fingerprint)

-- part: samples
        groupArray(CAST(samples.stacktrace_id, 'UInt64')) AS stacktrace_ids,
        groupArray(samples.value) AS values,
        if(max(samples.span_id) = 0 AND max(samples.trace_id) = toFixedString('', 16), [], groupArray(samples.span_id)) AS span_ids,
        if(empty(span_ids), [], groupArray(samples.trace_id)) AS trace_ids

-- The source for queries during the carry-over: profiles not yet carried over come from `samples`.
-- part: source
(
    SELECT *, _part
    FROM sampled_profiles
    WHERE time >= toDateTime64('$carried_from', 9, 'UTC')
    UNION ALL
    SELECT
        tenant, service, time, profile_id, profile_type, fingerprint,
        any(upload_id) AS upload_id,
        sum(value) AS total,
        toInt64(0) AS duration,
        $samples,
        '' AS _part
    FROM samples
    WHERE time < toDateTime64('$carried_from', 9, 'UTC')
    GROUP BY tenant, service, time, profile_id, profile_type, fingerprint
) AS sampled_profiles

-- part: drop
DROP $kind IF EXISTS $name
