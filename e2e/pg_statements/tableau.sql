SELECT version()
--;
SET DateStyle = 'ISO'
--;
SET extra_float_digits = 2
--;
SHOW transaction_isolation
--;
select oid, typbasetype from pg_type where typname = 'lo'
--;
select relname, nspname, relkind from pg_catalog.pg_class c, pg_catalog.pg_namespace n where relkind in ('r', 'v', 'm', 'f', 'p') and nspname not in ('pg_catalog', 'information_schema', 'pg_toast', 'pg_temp_1') and n.oid = relnamespace order by nspname, relname
--;
SELECT n.nspname AS "TABLE_SCHEM", c.relname AS "TABLE_NAME", CASE c.relkind WHEN 'r' THEN 'TABLE' WHEN 'p' THEN 'TABLE' WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'f' THEN 'FOREIGN TABLE' END AS "TABLE_TYPE" FROM pg_catalog.pg_namespace n INNER JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT LIKE 'pg!_%' ESCAPE '!' AND n.nspname <> 'information_schema' ORDER BY 1, 2
--;
SELECT a.attname, a.attnum, t.typname, a.atttypmod, a.attnotnull, pg_catalog.pg_get_expr(d.adbin, d.adrelid) AS preset FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum WHERE a.attrelid = 'public.customers'::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
--;
SELECT kcu.column_name, tc.constraint_name, tc.constraint_type, ccu.table_schema AS other_schema, ccu.table_name AS other_table, ccu.column_name AS other_column FROM information_schema.table_constraints tc JOIN information_schema.key_column_usage kcu ON tc.constraint_name = kcu.constraint_name AND tc.table_schema = kcu.table_schema JOIN information_schema.constraint_column_usage ccu ON ccu.constraint_name = tc.constraint_name AND ccu.table_schema = tc.table_schema WHERE tc.constraint_type = 'FOREIGN KEY' AND tc.table_schema = 'public' ORDER BY tc.table_name, kcu.ordinal_position
--;
SELECT 1 AS "one" FROM "public"."orders" "orders" HAVING (COUNT(1) > 0)
--;
SELECT "customers"."name" AS "name", SUM("orders"."total") AS "sum:total:ok" FROM "public"."orders" "orders" INNER JOIN "public"."customers" "customers" ON ("orders"."customer_id" = "customers"."id") GROUP BY 1
--;
SELECT CAST(EXTRACT(YEAR FROM "orders"."placed") AS INTEGER) AS "yr:placed:ok", COUNT(DISTINCT "orders"."id") AS "ctd:id:ok" FROM "public"."orders" "orders" GROUP BY 1
