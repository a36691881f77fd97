-- parameters: first_day Int32, last_day Int32, m0_value String, m1_name String, m1_value String, m2_name String, m2_value String, names Array(String), tenant String
-- settings: log_comment, max_execution_time, max_memory_usage = 4294967296, max_result_bytes = 67108864, timeout_overflow_mode = throw
SELECT arrayFilter(label -> label.2 != '', CAST(arrayZip({names:Array(String)}, values), 'Array(Tuple(String, String))')) AS label_set
FROM
(
SELECT DISTINCT arrayMap(name -> labels[name], {names:Array(String)}) AS values
FROM series LEFT ARRAY JOIN [''] AS piece
PREWHERE tenant = {tenant:String} AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32})
WHERE service = {m0_value:String} AND match('', concat('\\b\\B|', {m1_value:String})) < 2 AND match(concat(labels[{m1_name:String}], piece), concat('^(?s:\\b\\B|', {m1_value:String}, ')$')) AND labels[{m2_name:String}] != {m2_value:String}
SETTINGS max_block_size = 5461
)
GROUP BY label_set
HAVING notEmpty(label_set)
ORDER BY label_set;
