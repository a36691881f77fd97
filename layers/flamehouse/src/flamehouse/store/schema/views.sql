-- The views that `flamehouse sql` queries (docs/sql.md). Tables change from version to version; these columns do not. A
-- breaking change gets a new view, `..._v2`. A migration that changes an underlying table also changes this file.

-- One row per profile, sample type and label set.
CREATE OR REPLACE VIEW profiles_v1 AS
SELECT
    profiles.tenant AS tenant,
    profiles.time AS time,
    profiles.duration AS duration_ns,
    profiles.profile_id AS profile_id,
    profiles.profile_type AS profile_type,
    profiles.service AS service,
    CAST(series.labels, 'Map(String, String)') AS labels,
    profiles.total AS total
FROM sampled_profiles AS profiles
ANY LEFT JOIN series
    ON series.tenant = profiles.tenant
    AND series.day = toDate(profiles.time, 'UTC')
    AND series.profile_type = profiles.profile_type
    AND series.service = profiles.service
    AND series.fingerprint = profiles.fingerprint;

-- One row per profile, sample type, label set, stack and span.
CREATE OR REPLACE VIEW samples_v1 AS
SELECT
    tenant,
    time,
    profile_id,
    profile_type,
    service,
    CAST(stacktrace_id, 'UInt64') AS stack_id,
    if(sample_span_id = 0, '', lower(hex(sample_span_id))) AS span_id,
    value
FROM sampled_profiles
ARRAY JOIN
    stacktrace_ids AS stacktrace_id,
    values AS value,
    arrayResize(span_ids, length(values)) AS sample_span_id;

-- One row per distinct stack of a service and week, its function names root first.
CREATE OR REPLACE VIEW stacks_v1 AS
SELECT
    tenant,
    week,
    service,
    stack_id,
    arrayMap(frame -> frame.2, arraySort(groupArray((depth, name)))) AS frames
FROM
(
    SELECT stacks.tenant AS tenant, stacks.week AS week, stacks.service AS service, stack_id, depth, functions.name AS name
    FROM
    (
        SELECT tenant, week, service, stack_id, name_id, depth
        FROM (SELECT DISTINCT tenant, week, service, id AS stack_id, functions AS name_ids FROM stacktraces)
        ARRAY JOIN name_ids AS name_id, arrayEnumerate(name_ids) AS depth
    ) AS stacks
    ANY LEFT JOIN functions
        ON functions.tenant = stacks.tenant
        AND functions.week = stacks.week
        AND functions.service = stacks.service
        AND functions.name_id = stacks.name_id
)
GROUP BY tenant, week, service, stack_id;

-- One row per distinct function of a service and week.
CREATE OR REPLACE VIEW functions_v1 AS
SELECT DISTINCT tenant, week, service, name, system_name, filename, start_line
FROM functions;

-- One row per profile, sample type and function: its self value, and its total with callees. Recursion
-- counts once.
CREATE OR REPLACE VIEW function_totals_v1 AS
SELECT
    tenant,
    time,
    profile_id,
    profile_type,
    service,
    function,
    sumIf(value, function = leaf) AS self,
    sum(value) AS total
FROM
(
    SELECT
        samples.tenant AS tenant,
        samples.time AS time,
        samples.profile_id AS profile_id,
        samples.profile_type AS profile_type,
        samples.service AS service,
        samples.value AS value,
        stacks.frames[-1] AS leaf,
        arrayJoin(arrayDistinct(stacks.frames)) AS function
    FROM samples_v1 AS samples
    INNER JOIN stacks_v1 AS stacks
        ON stacks.tenant = samples.tenant
        AND stacks.week = toMonday(samples.time)
        AND stacks.service = samples.service
        AND stacks.stack_id = samples.stack_id
)
GROUP BY tenant, time, profile_id, profile_type, service, function;
