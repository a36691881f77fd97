-- parameters: name String
SELECT count()
FROM system.tables
WHERE database = {name:String} AND name = 'migrations';

SELECT name
FROM system.tables
WHERE database = currentDatabase() AND name IN ('profiles', 'samples', 'samples_5m', 'samples_1h');

SELECT
    argMax(number, applied),
    argMaxIf(retention_days, applied, retention_days != 4294967295),
    countIf(retention_days != 4294967295) > 0,
    argMax(retention_days, applied) = 4294967295
FROM migrations;

-- parameters: days UInt32
SELECT uniq(tenant, profile_id), minOrNull(toDate(time))
FROM sampled_profiles
WHERE toDateTime(time) + toIntervalDay({days:UInt32}) <= now();

-- parameters: days UInt32, table String
SELECT sum(expired.rows / stored.rows * stored.bytes)
FROM
(
    SELECT _partition_id AS id, count() AS rows
    FROM series
    WHERE day + toIntervalDay({days:UInt32} + 1) <= now()
    GROUP BY id
) AS expired
INNER JOIN
(
    SELECT partition_id AS id, sum(rows) AS rows, sum(bytes_on_disk) AS bytes
    FROM system.parts
    WHERE database = currentDatabase() AND table = {table:String} AND active
    GROUP BY id
) AS stored USING (id);

-- parameters: days UInt32, table String
SELECT sum(expired.rows / stored.rows * stored.bytes)
FROM
(
    SELECT _partition_id AS id, count() AS rows
    FROM sampled_profiles
    WHERE toDateTime(time) + toIntervalDay({days:UInt32}) <= now()
    GROUP BY id
) AS expired
INNER JOIN
(
    SELECT partition_id AS id, sum(rows) AS rows, sum(bytes_on_disk) AS bytes
    FROM system.parts
    WHERE database = currentDatabase() AND table = {table:String} AND active
    GROUP BY id
) AS stored USING (id);

-- parameters: days UInt32, table String
SELECT sum(expired.rows / stored.rows * stored.bytes)
FROM
(
    SELECT _partition_id AS id, count() AS rows
    FROM rollups
    WHERE hour + toIntervalDay({days:UInt32} + 1) <= now()
    GROUP BY id
) AS expired
INNER JOIN
(
    SELECT partition_id AS id, sum(rows) AS rows, sum(bytes_on_disk) AS bytes
    FROM system.parts
    WHERE database = currentDatabase() AND table = {table:String} AND active
    GROUP BY id
) AS stored USING (id);

-- parameters: days UInt32, table String
SELECT sum(expired.rows / stored.rows * stored.bytes)
FROM
(
    SELECT _partition_id AS id, count() AS rows
    FROM stacktraces
    WHERE week + toIntervalDay({days:UInt32} + 7) <= now()
    GROUP BY id
) AS expired
INNER JOIN
(
    SELECT partition_id AS id, sum(rows) AS rows, sum(bytes_on_disk) AS bytes
    FROM system.parts
    WHERE database = currentDatabase() AND table = {table:String} AND active
    GROUP BY id
) AS stored USING (id);

-- parameters: days UInt32, table String
SELECT sum(expired.rows / stored.rows * stored.bytes)
FROM
(
    SELECT _partition_id AS id, count() AS rows
    FROM functions
    WHERE week + toIntervalDay({days:UInt32} + 7) <= now()
    GROUP BY id
) AS expired
INNER JOIN
(
    SELECT partition_id AS id, sum(rows) AS rows, sum(bytes_on_disk) AS bytes
    FROM system.parts
    WHERE database = currentDatabase() AND table = {table:String} AND active
    GROUP BY id
) AS stored USING (id);

-- parameters: days UInt32, table String
SELECT sum(expired.rows / stored.rows * stored.bytes)
FROM
(
    SELECT _partition_id AS id, count() AS rows
    FROM locations
    WHERE week + toIntervalDay({days:UInt32} + 7) <= now()
    GROUP BY id
) AS expired
INNER JOIN
(
    SELECT partition_id AS id, sum(rows) AS rows, sum(bytes_on_disk) AS bytes
    FROM system.parts
    WHERE database = currentDatabase() AND table = {table:String} AND active
    GROUP BY id
) AS stored USING (id);

-- parameters: days UInt32, table String
SELECT sum(expired.rows / stored.rows * stored.bytes)
FROM
(
    SELECT _partition_id AS id, count() AS rows
    FROM mappings
    WHERE week + toIntervalDay({days:UInt32} + 7) <= now()
    GROUP BY id
) AS expired
INNER JOIN
(
    SELECT partition_id AS id, sum(rows) AS rows, sum(bytes_on_disk) AS bytes
    FROM system.parts
    WHERE database = currentDatabase() AND table = {table:String} AND active
    GROUP BY id
) AS stored USING (id);

-- parameters: days UInt32, table String
SELECT sum(expired.rows / stored.rows * stored.bytes)
FROM
(
    SELECT _partition_id AS id, count() AS rows
    FROM uploads
    WHERE toDateTime(received) + toIntervalDay({days:UInt32} + 7) <= now()
    GROUP BY id
) AS expired
INNER JOIN
(
    SELECT partition_id AS id, sum(rows) AS rows, sum(bytes_on_disk) AS bytes
    FROM system.parts
    WHERE database = currentDatabase() AND table = {table:String} AND active
    GROUP BY id
) AS stored USING (id);

-- parameters: number UInt32, retention_days UInt32
INSERT INTO migrations
SELECT {number:UInt32}, {retention_days:UInt32}, now64(9, 'UTC');

-- parameters: days UInt32
ALTER TABLE series MODIFY TTL day + toIntervalDay({days:UInt32} + 1);

-- parameters: days UInt32
ALTER TABLE sampled_profiles MODIFY TTL toDateTime(time) + toIntervalDay({days:UInt32});

-- parameters: days UInt32
ALTER TABLE rollups MODIFY TTL hour + toIntervalDay({days:UInt32} + 1);

-- parameters: days UInt32
ALTER TABLE stacktraces MODIFY TTL week + toIntervalDay({days:UInt32} + 7);

-- parameters: days UInt32
ALTER TABLE functions MODIFY TTL week + toIntervalDay({days:UInt32} + 7);

-- parameters: days UInt32
ALTER TABLE locations MODIFY TTL week + toIntervalDay({days:UInt32} + 7);

-- parameters: days UInt32
ALTER TABLE mappings MODIFY TTL week + toIntervalDay({days:UInt32} + 7);

-- parameters: days UInt32
ALTER TABLE uploads MODIFY TTL toDateTime(received) + toIntervalDay({days:UInt32} + 7);

-- parameters: number UInt32, retention_days UInt32
INSERT INTO migrations
SELECT {number:UInt32}, {retention_days:UInt32}, now64(9, 'UTC');
