-- parameters: first_day Int32, last_day Int32, m0_value String, m1_value String, m2_name String, m2_value String, tenant String
-- bound in vain: from, until
-- settings: log_comment, max_execution_time, max_memory_usage = 4294967296, max_result_bytes = 67108864, timeout_overflow_mode = throw
SELECT uniqExact(fingerprint), count()
FROM series LEFT ARRAY JOIN [''] AS piece
WHERE day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32}) AND tenant = {tenant:String} AND profile_type = {m0_value:String} AND service = {m1_value:String} AND profile_type = {m0_value:String} AND service = {m1_value:String} AND match('', concat('\\b\\B|', {m2_value:String})) < 2 AND match(concat(labels[{m2_name:String}], piece), concat('^(?s:\\b\\B|', {m2_value:String}, ')$'))
SETTINGS max_block_size = 5461;

-- parameters: first_day Int32, from Int64, last_day Int32, m0_value String, m1_value String, m2_name String, m2_value String, tenant String, until Int64
-- settings: log_comment, max_execution_time, max_memory_usage = 4294967296, max_result_bytes = 67108864, timeout_overflow_mode = throw
SELECT count(), sum(length(values)), uniqExact(_part)
FROM sampled_profiles
WHERE tenant = {tenant:String} AND profile_type = {m0_value:String} AND service = {m1_value:String} AND fingerprint IN (SELECT fingerprint FROM series LEFT ARRAY JOIN [''] AS piece WHERE day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32}) AND tenant = {tenant:String} AND profile_type = {m0_value:String} AND service = {m1_value:String} AND profile_type = {m0_value:String} AND service = {m1_value:String} AND match('', concat('\\b\\B|', {m2_value:String})) < 2 AND match(concat(labels[{m2_name:String}], piece), concat('^(?s:\\b\\B|', {m2_value:String}, ')$')) SETTINGS max_block_size = 5461)
    AND time >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({until:Int64}, 'UTC');

-- parameters: first_day Int32, last_day Int32, m0_value String, m1_value String, m2_name String, m2_value String, tenant String
-- bound in vain: from, until
-- settings: log_comment, max_execution_time, max_memory_usage = 4294967296, max_result_bytes = 67108864, timeout_overflow_mode = throw
SELECT count()
FROM stacktraces
WHERE tenant = {tenant:String} AND week BETWEEN toMonday(toDate({first_day:Int32})) AND toDate({last_day:Int32})
    AND service IN (SELECT service FROM series LEFT ARRAY JOIN [''] AS piece WHERE day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32}) AND tenant = {tenant:String} AND profile_type = {m0_value:String} AND service = {m1_value:String} AND profile_type = {m0_value:String} AND service = {m1_value:String} AND match('', concat('\\b\\B|', {m2_value:String})) < 2 AND match(concat(labels[{m2_name:String}], piece), concat('^(?s:\\b\\B|', {m2_value:String}, ')$')) SETTINGS max_block_size = 5461);

-- settings: log_comment, max_execution_time, max_memory_usage = 4294967296, max_result_bytes = 67108864, timeout_overflow_mode = throw
SELECT name, total_rows, total_bytes
FROM system.tables
WHERE database = currentDatabase() AND total_rows > 0;
