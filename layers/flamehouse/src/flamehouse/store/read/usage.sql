-- Usage by the profiles since a time, by tenant and service. The bytes of the table's parts are divided by samples.
-- part: usage
SELECT
    tenant,
    service,
    uniqExact(upload_id) AS uploads,
    uniqExact(profile_id) AS profiles,
    uniq(fingerprint) AS series,
    sum(length(values)) AS samples,
    toUInt64(ifNull(
        sum(length(values)) * (
            SELECT sum(bytes_on_disk) FROM system.parts
            WHERE database = currentDatabase() AND table = 'sampled_profiles' AND active
        ) / nullIf((SELECT sum(length(values)) FROM sampled_profiles), 0),
        0
    )) AS bytes
FROM sampled_profiles
WHERE time >= toDateTime({since:Int64}, 'UTC')
GROUP BY tenant, service
ORDER BY samples DESC, tenant, service
