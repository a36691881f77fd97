-- part: record
INSERT INTO migrations
SELECT {number:UInt32}, {retention_days:UInt32}, now64(9, 'UTC')

-- part: exists
SELECT count()
FROM system.tables
WHERE database = {name:String} AND name = 'migrations'

-- part: has_ttl
SELECT count()
FROM system.tables
WHERE database = currentDatabase() AND name = {table:String} AND position(create_table_query, ' TTL ') > 0

-- part: expired_profiles
SELECT uniq(tenant, profile_id), minOrNull(toDate(time))
FROM sampled_profiles
WHERE toDateTime(time) + toIntervalDay({days:UInt32}) <= now()

-- part: expired_bytes
SELECT sum(expired.rows / stored.rows * stored.bytes)
FROM
(
    SELECT _partition_id AS id, count() AS rows
    FROM $table
    WHERE $expires_at <= now()
    GROUP BY id
) AS expired
INNER JOIN
(
    SELECT partition_id AS id, sum(rows) AS rows, sum(bytes_on_disk) AS bytes
    FROM system.parts
    WHERE database = currentDatabase() AND table = {table:String} AND active
    GROUP BY id
) AS stored USING (id)
