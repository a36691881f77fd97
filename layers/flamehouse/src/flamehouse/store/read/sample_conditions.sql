-- A constant, so ClickHouse computes it once and uses it as a set.
-- part: traces
arrayMap(id -> toFixedString(unhex(id), 16), {trace_ids:Array(String)})

-- part: included
hasAll(CAST(functions, 'Array(UInt64)'), {frames:Array(UInt64)})

-- part: excluded
NOT hasAny(CAST(functions, 'Array(UInt64)'), {no_frames:Array(UInt64)})

-- part: matched
($is_regexp AND $exists(
        frame -> frame IN (SELECT name_id FROM functions $join WHERE $symbols AND $matches $settings),
        CAST(functions, 'Array(UInt64)')
    ))

-- part: call_site
arraySlice(functions, 1, length({call_site:Array(UInt64)})) = {call_site:Array(UInt64)}
