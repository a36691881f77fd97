-- part: known
-- The ids of the uploads with profiles in a range of times, and whether each is in the ledger.
WITH present AS
(
    SELECT DISTINCT upload_id
    FROM sampled_profiles
    WHERE tenant = {tenant:String}
        AND time >= fromUnixTimestamp64Nano({first_ns:Int64}, 'UTC') AND time <= fromUnixTimestamp64Nano({last_ns:Int64}, 'UTC')
        AND startsWith(upload_id, {prefix:String})
)
SELECT hex(upload_id), max(stored)
FROM
(
    SELECT upload_id, 0 AS stored FROM present
    UNION ALL
    SELECT upload_id, 1 AS stored FROM uploads WHERE tenant = {tenant:String} AND upload_id IN (present)
)
GROUP BY upload_id
