-- part: by_column
SELECT
    ${groups}intDiv(toUnixTimestamp64Milli(time) - {first:Int64}, {step:Int64}) AS number,
    toFloat64($aggregate(toInt128(total))) AS value
FROM $profiles
WHERE $where
GROUP BY ${groups}number
LIMIT {max_rows:UInt64}

-- part: sums
    SELECT
        $labels AS labels,
        $timestamp AS timestamp,
        toFloat64($aggregate(toInt128(total))) AS value
    FROM $source
    $join
    WHERE $where
    GROUP BY labels, timestamp

-- part: sums_with_exemplars
    SELECT labels, timestamp, $value AS value, $exemplar AS exemplar
    FROM
    (
$points
    )
    GROUP BY labels, timestamp

-- The value of several points combined. Points of spans come in addition to those of their profiles.
-- part: total
toFloat64(sumIf(toInt128(total), span_id = 0))

-- part: average
toFloat64(sumIf(toInt128(total), span_id = 0)) / sumIf(parts, span_id = 0)

-- part: series
SELECT labels, (arraySort(groupArray($point)) AS points).1 AS timestamps, points.2 AS values$more
FROM
(
$sums
)
GROUP BY labels
ORDER BY sum(value) DESC, labels
$limit

-- part: series_with_exemplars
SELECT
    labels,
    timestamps,
    values,
    if((sum(length(exemplars)) OVER () AS exemplar_count) > {max_exemplars:UInt64}, [], exemplars) AS exemplars_if_few,
    exemplar_count
FROM
(
$series
)
ORDER BY series_total DESC, labels
