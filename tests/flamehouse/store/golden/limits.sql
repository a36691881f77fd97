-- 2 times
-- parameters: tenant String
-- settings: select_sequential_consistency = 1
SELECT name, argMax((value, life, modified_at, written, deleted), version) AS latest
FROM tenant_settings
WHERE tenant = {tenant:String}
GROUP BY name
ORDER BY name;

-- settings: insert_deduplication_token
INSERT INTO tenant_settings (`tenant`, `name`, `value`, `life`, `modified_at`, `written`, `deleted`);
