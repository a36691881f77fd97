-- part: state
SELECT
    argMax(number, applied),
    argMaxIf(retention_days, applied, retention_days != $unsettled),
    countIf(retention_days != $unsettled) > 0,
    argMax(retention_days, applied) = $unsettled
FROM migrations
