-- parameters: first_day Int32, last_day Int32, tenant String
-- settings: log_comment, max_execution_time, max_memory_usage = 4294967296, max_result_bytes = 67108864, timeout_overflow_mode = throw
SELECT DISTINCT arrayJoin(labels.keys)
FROM series 
PREWHERE tenant = {tenant:String} AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32});
