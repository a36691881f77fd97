-- part: heatmap
SELECT
    labels,
    if((sum(length(cells)) OVER () AS cell_count) > {max_cells:UInt64}, [], cells) AS cells_if_few,
    cell_count,
    lowest,
    width
FROM
(
    SELECT
        labels,
        arraySort(groupArray((timestamp, bucket, points$exemplar))) AS cells,
        sum(points) AS all_points,
        lowest,
        width
    FROM
    (
        SELECT
            labels,
            timestamp,
            arrayCount(number -> lowest + toInt64(number * width) <= total, range($buckets)) - 1 AS bucket,
            count() AS points,
            min($least_exemplar) AS exemplar,
            lowest,
            width
        FROM
        (
            SELECT
                *,
                min(total) OVER () AS lowest,
                toFloat64(greatest(max(total) OVER () - lowest, 1)) / $buckets AS width
            FROM
            (
$points_rows
            )
        )
        GROUP BY labels, timestamp, bucket, lowest, width -- the same for all
    )
    GROUP BY labels, lowest, width
    ORDER BY all_points DESC, labels
    $limit
)
ORDER BY all_points DESC, labels
