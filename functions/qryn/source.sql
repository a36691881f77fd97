-- part: tables
SELECT table, groupArray(name)
FROM system.columns
WHERE database = currentDatabase()
    AND table IN ('profiles', 'profiles_dist', 'profiles_series', 'profiles_series_dist')
GROUP BY table

-- part: time
timestamp_ns * multiIf(timestamp_ns < 100000000000, 1000000000, timestamp_ns < 100000000000000, 1000000, timestamp_ns < 100000000000000000, 1000, 1)

-- part: selected
    timestamp_ns >= {first:UInt64} AND timestamp_ns <= {last:UInt64}
    AND $time >= {from_ns:UInt64} AND $time < {until_ns:UInt64}
    AND (empty({services:Array(String)}) OR service_name IN {services:Array(String)})

-- part: bounds
SELECT count(), min($time), max($time), min(timestamp_ns), max(timestamp_ns)
FROM $profiles
WHERE $selected

-- part: sizes
SELECT intDiv(timestamp_ns, {step:UInt64}) AS slot, count(), sum(length(payload)) + 100 * sum(length(values_agg))
FROM $profiles
WHERE $selected
GROUP BY slot
ORDER BY slot

-- part: rows
SELECT
    timestamp_ns,
    duration_ns,
    type_id,
    service_name,
    $sample_types AS sample_types_units,
    payload_type,
    payload,
    values_agg,
    fingerprint,
    sipHash64(payload) AS payload_hash,
    $tree,
    $functions
FROM $profiles
WHERE $selected
ORDER BY timestamp_ns, fingerprint, payload_hash

-- part: of_rows
    AND (timestamp_ns, fingerprint, sipHash64(payload)) IN (
        SELECT row.1, row.2, row.3
        FROM (SELECT arrayJoin(arrayZip({times:Array(UInt64)}, {fingerprints:Array(UInt64)}, {hashes:Array(UInt64)})) AS row)
    )

-- part: tags
SELECT fingerprint, any(tags)
FROM $series
WHERE fingerprint IN {fingerprints:Array(UInt64)}
GROUP BY fingerprint

-- part: totals
SELECT
    type_id,
    service_name,
    day,
    value.1 AS sample_type,
    sum(toInt128(value.2)) AS once,
    sum(toInt128(value.2) * (copies - 1)) AS again
FROM
(
    SELECT
        type_id,
        service_name,
        toUInt32(intDiv($time, 86400000000000)) AS day,
        any(values_agg) AS values,
        count() AS copies
    FROM $profiles
    WHERE $selected
    GROUP BY type_id, service_name, timestamp_ns, fingerprint, duration_ns, payload_type, sipHash128(payload), $content
)
ARRAY JOIN values AS value
GROUP BY type_id, service_name, day, sample_type
