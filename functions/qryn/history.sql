-- part: interrupted
SELECT count() > 0
FROM sampled_profiles
WHERE tenant = {tenant:String}
    AND time >= fromUnixTimestamp64Nano({first_ns:Int64}, 'UTC') AND time <= fromUnixTimestamp64Nano({last_ns:Int64}, 'UTC')
    AND hex(upload_id) IN {upload_ids:Array(String)}
