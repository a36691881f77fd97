-- parameters: first Int64, first_day Int32, from Int64, group_by Array(String), last_day Int32, limit UInt64, m0_value String, m1_name String, m1_value String, m2_name String, m2_value String, profile_type String, service String, step Int64, tenant String, until Int64
-- bound in vain: max_exemplars
-- settings: log_comment, max_execution_time, max_memory_usage = 4294967296, max_result_bytes = 33554432, timeout_overflow_mode = throw
SELECT labels, (arraySort(groupArray((timestamp, value))) AS points).1 AS timestamps, points.2 AS values
FROM
(
    SELECT
        present AS labels,
        {first:Int64} + {step:Int64} * intDiv(toUnixTimestamp64Milli(time) - {first:Int64} + {step:Int64} - 1, {step:Int64}) AS timestamp,
        toFloat64(sum(toInt128(total))) AS value
    FROM sampled_profiles
    ANY LEFT JOIN
        (
            SELECT
                fingerprint AS of_series,
                arrayFilter(
                    label -> label.2 != '', arrayMap(name -> (name, labels[name]), {group_by:Array(String)})
                ) AS present
            FROM series
            WHERE tenant = {tenant:String} AND profile_type = {profile_type:String}
                AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32})
        ) AS groups ON fingerprint = of_series
    WHERE tenant = {tenant:String} AND profile_type = {profile_type:String} AND service = {service:String} AND fingerprint IN (
            SELECT fingerprint
            FROM series LEFT ARRAY JOIN [''] AS piece
            PREWHERE tenant = {tenant:String} AND profile_type = {profile_type:String}
                AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32})
                WHERE service = {m0_value:String} AND match('', concat('\\b\\B|', {m1_value:String})) < 2 AND match(concat(labels[{m1_name:String}], piece), concat('^(?s:\\b\\B|', {m1_value:String}, ')$')) AND labels[{m2_name:String}] != {m2_value:String}
            SETTINGS max_block_size = 5461
        ) AND time >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({until:Int64}, 'UTC')
    GROUP BY labels, timestamp
)
GROUP BY labels
ORDER BY sum(value) DESC, labels
LIMIT {limit:UInt64};
