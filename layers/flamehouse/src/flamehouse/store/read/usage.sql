-- The profiles since a time, by tenant and service. The bytes of the table are apportioned by samples, and so are those
-- of an upload among its services.
-- part: usage
SELECT tenant, service, uploads, profiles, series, samples, bytes, toUInt64(round(sent)) AS bytes_sent
FROM
(
    SELECT
        tenant,
        service,
        uniqExact(upload_id) AS uploads,
        uniqExact(profile_id) AS profiles,
        uniq(fingerprint) AS series,
        sum(length(values)) AS samples,
        toUInt64(ifNull(
            sum(length(values)) * (
                SELECT total_bytes FROM system.tables
                WHERE database = currentDatabase() AND name = 'sampled_profiles'
            ) / nullIf((SELECT sum(length(values)) FROM sampled_profiles), 0),
            0
        )) AS bytes
    FROM sampled_profiles
    WHERE $tenants AND time >= toDateTime({since:Int64}, 'UTC')
    GROUP BY tenant, service
) AS stored
ANY LEFT JOIN
(
    SELECT tenant, service, sum(uploads.bytes * part) AS sent
    FROM
    (
        SELECT
            tenant,
            service,
            upload_id,
            sum(length(values)) / sum(sum(length(values))) OVER (PARTITION BY tenant, upload_id) AS part
        FROM sampled_profiles
        WHERE $tenants AND time >= toDateTime({since:Int64}, 'UTC')
        GROUP BY tenant, service, upload_id
    ) AS parts
    ANY LEFT JOIN (SELECT tenant, upload_id, bytes FROM uploads WHERE $tenants) AS uploads USING (tenant, upload_id)
    GROUP BY tenant, service
) AS sent_bytes USING (tenant, service)
ORDER BY samples DESC, tenant, service
