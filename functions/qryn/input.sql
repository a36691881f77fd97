-- part: parts
SELECT _part, count()
FROM qryn_rows
GROUP BY _part
ORDER BY min(received)
LIMIT {limit:UInt32}

-- part: rows
SELECT
    row_id,
    toUnixTimestamp64Nano(received),
    timestamp_ns,
    type,
    service_name,
    sample_types_units,
    period_type,
    period_unit,
    tags,
    duration_ns,
    payload_type,
    payload,
    values_agg,
    tree,
    functions
FROM qryn_rows
WHERE _part = {part:String} AND _part_offset >= {first:UInt64} AND _part_offset < {end:UInt64}

-- part: reject
INSERT INTO qryn_rejected
SELECT now64(9, 'UTC'), {reason:String}, *
FROM qryn_rows
WHERE _part = {part:String} AND row_id IN {row_ids:Array(UUID)}

-- part: drop_part
ALTER TABLE qryn_rows DROP PART {part:String}
