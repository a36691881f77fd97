-- part: of_series
day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32}) AND $keys AND $condition

-- part: series
SELECT uniqExact($series), count()
FROM series $join
WHERE $of_series
$settings

-- part: profiles
SELECT count(), sum(length(values)), uniqExact(_part)
FROM $profiles
WHERE $keys AND fingerprint IN (SELECT fingerprint FROM series $join WHERE $of_series $settings)
    AND time >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({until:Int64}, 'UTC')

-- part: stacks
SELECT count()
FROM stacktraces
WHERE $tenants AND week BETWEEN toMonday(toDate({first_day:Int32})) AND toDate({last_day:Int32})
    AND service IN (SELECT service FROM series $join WHERE $of_series $settings)

-- part: tables
SELECT name, total_rows, total_bytes
FROM system.tables
WHERE database = currentDatabase() AND total_rows > 0
