-- part: roles
CREATE ROLE IF NOT EXISTS $ingest;
-- Views of a table without rows read it as the inserting user, unless they have a definer.
GRANT SELECT, INSERT ON $database.ingest TO $ingest;
GRANT INSERT ON $database.uploads TO $ingest;
GRANT SELECT ON $database.uploads TO $ingest;
GRANT SELECT ON $database.series TO $ingest;
-- The identity of an upload's stored profiles, but not their content.
GRANT SELECT(tenant, service, time, upload_id, profile_id, profile_type, fingerprint) ON $database.sampled_profiles TO $ingest;
GRANT SELECT ON $database.migrations TO $ingest;
GRANT SELECT ON $database.tenant_settings TO $ingest;

CREATE ROLE IF NOT EXISTS $query;
GRANT SELECT ON $database.* TO $query;
CREATE SETTINGS PROFILE OR REPLACE $query SETTINGS readonly = 2, $limits TO $query;
CREATE QUOTA OR REPLACE $query KEYED BY user_name FOR INTERVAL 1 minute MAX queries = $queries, execution_time = $seconds TO $query;

CREATE ROLE IF NOT EXISTS $admin;
GRANT SELECT ON $database.* TO $admin;
GRANT INSERT ON $database.tenant_settings TO $admin;

CREATE ROLE IF NOT EXISTS $maintain;
GRANT SELECT ON $database.* TO $maintain;
GRANT INSERT ON $database.rollups TO $maintain;

CREATE ROLE IF NOT EXISTS $expire;
GRANT SELECT ON $database.* TO $expire;
GRANT ALTER DELETE ON $database.uploads TO $expire;
GRANT ALTER DELETE ON $database.sampled_profiles TO $expire;
GRANT ALTER DELETE ON $database.rollups TO $expire;
GRANT ALTER DELETE ON $database.stacktraces TO $expire;
GRANT ALTER DELETE ON $database.locations TO $expire;
GRANT ALTER DELETE ON $database.mappings TO $expire;
GRANT ALTER DELETE ON $database.functions TO $expire;
GRANT ALTER DELETE ON $database.series TO $expire;

CREATE ROLE IF NOT EXISTS $migrate;
GRANT CREATE DATABASE ON $database.* TO $migrate;
-- Grants on tables include views.
GRANT CREATE TABLE, DROP TABLE, ALTER TABLE ON $database.* TO $migrate;
GRANT SELECT, INSERT ON $database.* TO $migrate;

-- part: qryn
CREATE ROLE IF NOT EXISTS $qryn;
-- A part is dropped once its rows are stored.
GRANT SELECT, ALTER DELETE ON $database.qryn_rows TO $qryn;
GRANT INSERT ON $database.qryn_rejected TO $qryn;

CREATE ROLE IF NOT EXISTS $collector;
GRANT SELECT, INSERT ON $database.profiles_input TO $collector;

-- part: user
CREATE USER IF NOT EXISTS $user IDENTIFIED WITH sha256_hash BY '$hash';
ALTER USER $user IDENTIFIED WITH sha256_hash BY '$hash';
GRANT $roles TO $user;
