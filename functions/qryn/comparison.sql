-- part: totals
SELECT
    service,
    profile_type,
    toUInt32(intDiv(toUnixTimestamp64Nano(time), 86400000000000)) AS day,
    sum(toInt128(total)) AS total
FROM sampled_profiles
WHERE tenant = {tenant:String}
    AND time >= fromUnixTimestamp64Nano({from_ns:Int64}, 'UTC') AND time < fromUnixTimestamp64Nano({until_ns:Int64}, 'UTC')
    AND startsWith(upload_id, {prefix:String})
    AND (empty({services:Array(String)}) OR service IN {services:Array(String)})
GROUP BY service, profile_type, day
