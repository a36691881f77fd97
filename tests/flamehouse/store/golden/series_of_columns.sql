-- parameters: first_day Int32, last_day Int32, tenant String
-- bound in vain: names
-- settings: log_comment, max_execution_time, max_memory_usage = 4294967296, max_result_bytes = 67108864, timeout_overflow_mode = throw
SELECT arrayFilter(label -> label.2 != '', CAST([('__profile_type__', profile_type), ('service_name', service)], 'Array(Tuple(String, String))')) AS label_set
FROM
(
SELECT DISTINCT profile_type, service
FROM series 
PREWHERE tenant = {tenant:String} AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32})


)
GROUP BY label_set
HAVING notEmpty(label_set)
ORDER BY label_set;
