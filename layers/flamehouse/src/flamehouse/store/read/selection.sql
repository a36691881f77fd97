-- part: of_profile_type
profile_type = {profile_type:String}

-- part: of_service
service = {service:String}

-- Only `series` has the labels to evaluate other matchers.
-- part: of_series
fingerprint IN (
            SELECT fingerprint
            FROM series $join
            PREWHERE $tenants AND profile_type = {profile_type:String}
                AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32})
                $condition
            $settings
        )

-- part: of_weeks
week BETWEEN toMonday(toDate({first_day:Int32})) AND toDate({last_day:Int32})
