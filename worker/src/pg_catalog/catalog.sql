-- The catalogs that have rows of the user's objects. Columns are those of PostgreSQL 15, in its order.

CREATE VIEW pgc.now.pg_namespace AS
SELECT oid, nspname, nspowner, nspacl FROM pgc.fixed.pg_namespace
UNION ALL SELECT pgc.fixed.schema_oid(nspname), nspname, 10, NULL FROM pgc.live.schema
UNION ALL SELECT DISTINCT pgc.fixed.schema_oid(nspname), nspname, 10, NULL::VARCHAR[] FROM pgc.live.relation WHERE nspname = 'pg_temp_1';
CREATE TEMP TABLE pgc_pg_namespace AS FROM pgc.now.pg_namespace LIMIT 0;
CREATE VIEW pgc.pg_namespace AS SELECT *, 2615::BIGINT AS tableoid, 1::BIGINT AS xmin FROM query_table(pgc.fixed.derived('pg_namespace'));

CREATE VIEW pgc.live.class AS
SELECT pgc.fixed.relation_oid(nspname, relname) AS oid, relname, nspname, relkind, 2 AS relam, natts, tuples, indexed, checks, temporary
FROM pgc.live.relation
UNION ALL SELECT pgc.fixed.relation_oid(nspname, relname), relname, nspname, 'S', 0, 3, 1, false, 0, temporary FROM pgc.live.sequence
UNION ALL SELECT pgc.fixed.relation_oid(nspname, conname), conname, nspname, 'i', 403, len(conkey), 0, false, 0, nspname = 'pg_temp_1'
FROM pgc.live.rule WHERE contype IN ('p', 'u')
UNION ALL SELECT pgc.fixed.relation_oid(nspname, indname), indname, nspname, 'i', 403, len(written), 0, false, 0, nspname = 'pg_temp_1'
FROM pgc.live.created_index;

CREATE VIEW pgc.now.pg_class AS
SELECT oid, relname, relnamespace, reltype, reloftype, relowner, relam, relfilenode, reltablespace, relpages, reltuples, relallvisible,
    reltoastrelid, relhasindex, relisshared, relpersistence, relkind, relnatts, relchecks, relhasrules, relhastriggers, relhassubclass,
    relrowsecurity, relforcerowsecurity, relispopulated, relreplident, relispartition, relrewrite, relfrozenxid, relminmxid, relacl,
    reloptions, relpartbound
FROM pgc.fixed.pg_class
UNION ALL
SELECT oid, relname, pgc.fixed.schema_oid(nspname), CASE WHEN relkind IN ('r', 'v') THEN oid + 1 ELSE 0 END, 0, 10,
    CASE relkind WHEN 'v' THEN 0 ELSE relam END, CASE relkind WHEN 'v' THEN 0 ELSE oid END, 0,
    CASE WHEN relkind IN ('i', 'S') THEN 1 ELSE 0 END, tuples::FLOAT, 0, 0, indexed, false,
    CASE WHEN temporary THEN 't' ELSE 'p' END, relkind, natts::SMALLINT, checks::SMALLINT, relkind = 'v',
    -- Foreign keys are triggers in PostgreSQL, on both sides.
    oid IN (SELECT unnest([pgc.fixed.relation_oid(nspname, relname), pgc.fixed.relation_oid(nspname, referenced_table)])
        FROM pgc.live.rule WHERE contype = 'f'), false, false, false,
    true, CASE relkind WHEN 'r' THEN 'd' ELSE 'n' END, false, 0, 0, 0, NULL, NULL, NULL
FROM pgc.live.class;
CREATE TEMP TABLE pgc_pg_class AS FROM pgc.now.pg_class LIMIT 0;
CREATE VIEW pgc.pg_class AS SELECT *, 1259::BIGINT AS tableoid, 1::BIGINT AS xmin FROM query_table(pgc.fixed.derived('pg_class'));

CREATE VIEW pgc.live.attribute AS
SELECT pgc.fixed.relation_oid(nspname, relname) AS attrelid, attname, type AS atttypid, length, attnum::SMALLINT AS attnum,
    pgc.fixed.dimensions(kind) AS attndims, modifier AS atttypmod, required, preset IS NOT NULL AS preset
FROM pgc.live.field
UNION ALL
SELECT pgc.fixed.relation_oid(s.nspname, s.relname), f.attname, f.type, f.length, f.attnum::SMALLINT, 0, -1, true, false
FROM pgc.live.sequence s, (VALUES ('last_value', 20, 8, 1), ('log_cnt', 20, 8, 2), ('is_called', 16, 1, 3)) f(attname, type, length, attnum)
UNION ALL
SELECT pgc.fixed.relation_oid(x.nspname, x.indname), CASE WHEN x.key = 0 THEN 'expr' ELSE x.part END,
    CASE WHEN x.key = 0 THEN 25 ELSE f.types[x.key] END, -1, x.place::SMALLINT, 0, -1, false, false
FROM (SELECT nspname, relname, indname, unnest(keys) AS key, unnest(names) AS part, unnest(range(1, len(keys) + 1)) AS place
    FROM pgc.live.index) x JOIN pgc.live.fields f USING (nspname, relname);

CREATE VIEW pgc.now.own_attribute AS
SELECT attrelid, attname, atttypid, -1, length::SMALLINT, attnum, attndims, -1, atttypmod,
    length BETWEEN 1 AND 8, CASE WHEN length = 8 THEN 'd' WHEN atttypid = 21 THEN 's'
        WHEN length = 1 OR atttypid = 2950 THEN 'c' ELSE 'i' END,
    CASE WHEN length > 0 THEN 'p' WHEN atttypid = 1700 THEN 'm' ELSE 'x' END, '', required, preset, false, '', '',
    false, true, 0, CASE WHEN atttypid IN (25, 1009, 1042, 1043) THEN 100 ELSE 0 END, NULL, NULL, NULL, NULL
FROM pgc.live.attribute;
CREATE TEMP TABLE pgc_own_attribute AS FROM pgc.now.own_attribute LIMIT 0;
CREATE VIEW pgc.live.own_attribute AS FROM query_table(pgc.fixed.derived('own_attribute'));
CREATE VIEW pgc.pg_attribute AS SELECT *, 1249::BIGINT AS tableoid, 1::BIGINT AS xmin
FROM (FROM pgc.fixed.pg_attribute UNION ALL FROM pgc.live.own_attribute);

CREATE VIEW pgc.now.pg_attrdef AS
SELECT pgc.fixed.object_oid('default', nspname || '.' || relname || '.' || attname) AS oid,
    pgc.fixed.relation_oid(nspname, relname) AS adrelid, attnum::SMALLINT AS adnum,
    pgc.fixed.expression(preset, kind, type, enum_name) AS adbin
FROM pgc.live.field WHERE preset IS NOT NULL;
CREATE TEMP TABLE pgc_pg_attrdef AS FROM pgc.now.pg_attrdef LIMIT 0;
CREATE VIEW pgc.pg_attrdef AS SELECT *, 2604::BIGINT AS tableoid, 1::BIGINT AS xmin FROM query_table(pgc.fixed.derived('pg_attrdef'));

CREATE VIEW pgc.live.type AS
SELECT oid, typname, nspname, 4 AS typlen, true AS typbyval, 'e' AS typtype, 'E' AS typcategory, 0::BIGINT AS typrelid,
    0::BIGINT AS typelem, oid + 1 AS typarray, 'enum' AS io, 'i' AS typalign, 'p' AS typstorage FROM pgc.live.enum
UNION ALL SELECT oid + 1, '_' || typname, nspname, -1, false, 'b', 'A', 0, oid, 0, 'array', 'i', 'x' FROM pgc.live.enum
UNION ALL SELECT pgc.fixed.relation_oid(nspname, relname) + 1, relname, nspname, -1, false, 'c', 'C',
    pgc.fixed.relation_oid(nspname, relname), 0, pgc.fixed.relation_oid(nspname, relname) + 2, 'record', 'd', 'x' FROM pgc.live.relation
UNION ALL SELECT pgc.fixed.relation_oid(nspname, relname) + 2, '_' || relname, nspname, -1, false, 'b', 'A', 0,
    pgc.fixed.relation_oid(nspname, relname) + 1, 0, 'array', 'd', 'x' FROM pgc.live.relation;

CREATE VIEW pgc.now.pg_type AS
SELECT * EXCLUDE (formatted) FROM pgc.fixed.pg_type
UNION ALL
SELECT oid, typname, pgc.fixed.schema_oid(nspname), 10, typlen::SMALLINT, typbyval, typtype, typcategory, false, true, ',', typrelid,
    CASE io WHEN 'array' THEN 6179 ELSE 0 END, typelem, typarray,
    CASE io WHEN 'enum' THEN 3506 WHEN 'array' THEN 750 ELSE 2290 END, CASE io WHEN 'enum' THEN 3507 WHEN 'array' THEN 751 ELSE 2291 END,
    CASE io WHEN 'enum' THEN 3532 WHEN 'array' THEN 2400 ELSE 2402 END, CASE io WHEN 'enum' THEN 3533 WHEN 'array' THEN 2401 ELSE 2403 END,
    0, 0, CASE io WHEN 'array' THEN 3816 ELSE 0 END, typalign, typstorage, false, 0, -1, 0, 0, NULL, NULL, NULL
FROM pgc.live.type;
CREATE TEMP TABLE pgc_pg_type AS FROM pgc.now.pg_type LIMIT 0;
CREATE VIEW pgc.pg_type AS SELECT *, 1247::BIGINT AS tableoid, 1::BIGINT AS xmin FROM query_table(pgc.fixed.derived('pg_type'));

CREATE VIEW pgc.now.pg_enum AS
SELECT pgc.fixed.object_oid('label', oid::VARCHAR || '.' || label) AS oid, oid AS enumtypid, place::FLOAT AS enumsortorder, label AS enumlabel
FROM (SELECT oid, unnest(labels) AS label, unnest(range(1, len(labels) + 1)) AS place FROM pgc.live.enum);
CREATE TEMP TABLE pgc_pg_enum AS FROM pgc.now.pg_enum LIMIT 0;
CREATE VIEW pgc.pg_enum AS SELECT *, 3501::BIGINT AS tableoid, 1::BIGINT AS xmin FROM query_table(pgc.fixed.derived('pg_enum'));

CREATE VIEW pgc.live.ruled AS
SELECT r.*, f.confkey, f.target FROM pgc.live.rule r LEFT JOIN pgc.live.reference f USING (nspname, relname, conname);

CREATE VIEW pgc.now.pg_constraint AS
SELECT pgc.fixed.object_oid('constraint', nspname || '.' || relname || '.' || conname) AS oid, conname,
    pgc.fixed.schema_oid(nspname) AS connamespace, contype, false AS condeferrable, false AS condeferred, true AS convalidated,
    pgc.fixed.relation_oid(nspname, relname) AS conrelid, 0::BIGINT AS contypid,
    CASE contype WHEN 'c' THEN 0 WHEN 'f' THEN pgc.fixed.relation_oid(nspname, target)
        ELSE pgc.fixed.relation_oid(nspname, conname) END AS conindid, 0::BIGINT AS conparentid,
    CASE contype WHEN 'f' THEN pgc.fixed.relation_oid(nspname, referenced_table) ELSE 0 END AS confrelid,
    CASE contype WHEN 'f' THEN 'a' ELSE ' ' END AS confupdtype, CASE contype WHEN 'f' THEN 'a' ELSE ' ' END AS confdeltype,
    CASE contype WHEN 'f' THEN 's' ELSE ' ' END AS confmatchtype, true AS conislocal, 0 AS coninhcount, contype <> 'c' AS connoinherit,
    conkey, confkey, CASE contype WHEN 'f' THEN list_transform(conkey, lambda part: 96::BIGINT) END AS conpfeqop,
    CASE contype WHEN 'f' THEN list_transform(conkey, lambda part: 96::BIGINT) END AS conppeqop,
    CASE contype WHEN 'f' THEN list_transform(conkey, lambda part: 96::BIGINT) END AS conffeqop,
    NULL::SMALLINT[] AS confdelsetcols, NULL::BIGINT[] AS conexclop, expression AS conbin
FROM pgc.live.ruled;
CREATE TEMP TABLE pgc_pg_constraint AS FROM pgc.now.pg_constraint LIMIT 0;
CREATE VIEW pgc.pg_constraint AS SELECT *, 2606::BIGINT AS tableoid, 1::BIGINT AS xmin FROM query_table(pgc.fixed.derived('pg_constraint'));

CREATE VIEW pgc.now.pg_index AS
SELECT pgc.fixed.relation_oid(nspname, indname) AS indexrelid, pgc.fixed.relation_oid(nspname, relname) AS indrelid,
    len(keys)::SMALLINT AS indnatts, len(keys)::SMALLINT AS indnkeyatts, is_unique AS indisunique, false AS indnullsnotdistinct,
    is_primary AS indisprimary, false AS indisexclusion, true AS indimmediate, false AS indisclustered, true AS indisvalid,
    false AS indcheckxmin, true AS indisready, true AS indislive, false AS indisreplident, keys AS indkey,
    list_transform(keys, lambda part: 0::BIGINT) AS indcollation, list_transform(types, lambda part: coalesce(
        MAP {16: 10003, 17: 10006, 20: 3124, 21: 1979, 23: 1978, 25: 3126, 700: 10012, 701: 3123, 1042: 10004, 1043: 3126, 1082: 3122, 1083: 10038,
            1114: 3128, 1184: 3127, 1186: 10022, 1266: 10041, 1700: 3125, 2950: 10065}[part], 10069)::BIGINT) AS indclass,
    list_transform(keys, lambda part: 0::SMALLINT) AS indoption,
    CASE WHEN list_contains(keys, 0) THEN array_to_string(list_filter(names, lambda part: starts_with(part, '(')), ', ') END AS indexprs,
    NULL::VARCHAR AS indpred
FROM (SELECT i.*, list_transform(i.keys, lambda part: f.types[part]) AS types
    FROM pgc.live.index i JOIN pgc.live.fields f USING (nspname, relname));
CREATE TEMP TABLE pgc_pg_index AS FROM pgc.now.pg_index LIMIT 0;
CREATE VIEW pgc.pg_index AS SELECT *, 2610::BIGINT AS tableoid, 1::BIGINT AS xmin FROM query_table(pgc.fixed.derived('pg_index'));

CREATE VIEW pgc.pg_database AS
SELECT pgc.fixed.database_oid(datname)::BIGINT AS oid, datname, 10::BIGINT AS datdba, 6 AS encoding, 'c' AS datlocprovider,
    false AS datistemplate, true AS datallowconn, -1 AS datconnlimit, 716::BIGINT AS datfrozenxid, 1::BIGINT AS datminmxid,
    1663::BIGINT AS dattablespace, 'C.UTF-8' AS datcollate, 'C.UTF-8' AS datctype, NULL::VARCHAR AS daticulocale,
    NULL::VARCHAR AS datcollversion, NULL::VARCHAR[] AS datacl, 1262::BIGINT AS tableoid, 1::BIGINT AS xmin
FROM (SELECT CASE database_name WHEN $home$ THEN 'tavana' ELSE database_name END AS datname
    FROM duckdb_databases() WHERE NOT internal AND database_name NOT IN ('pgc', 'pgc_rows', 'tavana'))
UNION ALL SELECT 1, 'template1', 10, 6, 'c', true, true, -1, 716, 1, 1663, 'C.UTF-8', 'C.UTF-8', NULL, NULL, NULL, 1262, 1
UNION ALL SELECT 4, 'template0', 10, 6, 'c', true, false, -1, 716, 1, 1663, 'C.UTF-8', 'C.UTF-8', NULL, NULL, NULL, 1262, 1;

CREATE VIEW pgc.pg_description AS SELECT *, 2609::BIGINT AS tableoid, 1::BIGINT AS xmin FROM pgc.live.described;

CREATE VIEW pgc.pg_proc AS
SELECT * EXCLUDE (arguments, identity_arguments, result, signature)
    REPLACE (coalesce(prosrc, proname) AS prosrc), 1255::BIGINT AS tableoid, 1::BIGINT AS xmin
FROM pgc.fixed.pg_proc
UNION ALL
SELECT pgc.fixed.object_oid('function', nspname || '.' || proname || '/' || len(parameters)::VARCHAR), proname,
    pgc.fixed.schema_oid(nspname), 10, 14, 100, 0, 0, 0, 'f', false, false, false,
    function_type = 'table_macro', 'v', 'u', len(parameters)::SMALLINT, 0, 25, list_transform(parameters, lambda part: 25::BIGINT), NULL,
    NULL, parameters, NULL, NULL, macro_definition, NULL, NULL, NULL, NULL, 1255, 1
FROM pgc.live.macro;

CREATE VIEW pgc.pg_sequence AS
SELECT pgc.fixed.relation_oid(nspname, relname) AS seqrelid, 20::BIGINT AS seqtypid, start_value AS seqstart, increment_by AS seqincrement,
    max_value AS seqmax, min_value AS seqmin, 1::BIGINT AS seqcache, cycle AS seqcycle, 2224::BIGINT AS tableoid,
    1::BIGINT AS xmin
FROM pgc.live.sequence;

CREATE VIEW pgc.pg_sequences AS
SELECT nspname AS schemaname, relname AS sequencename, pgc.main.current_user() AS sequenceowner, 'bigint' AS data_type, start_value, min_value,
    max_value, increment_by, cycle, 1::BIGINT AS cache_size, last_value
FROM pgc.now.sequence;

CREATE VIEW pgc.pg_tables AS
SELECT nspname AS schemaname, relname AS tablename, pgc.main.current_user() AS tableowner, NULL::VARCHAR AS tablespace, indexed AS hasindexes,
    false AS hasrules, false AS hastriggers, false AS rowsecurity
FROM pgc.live.relation WHERE relkind = 'r'
UNION ALL
SELECT CASE relnamespace WHEN 11 THEN 'pg_catalog' ELSE 'information_schema' END, relname, pgc.main.current_user(), NULL, relhasindex, false, false,
    false
FROM pgc.fixed.pg_class WHERE relkind = 'r';

CREATE VIEW pgc.pg_views AS
SELECT nspname AS schemaname, relname AS viewname, pgc.main.current_user() AS viewowner, definition FROM pgc.live.view_text
UNION ALL
SELECT CASE relnamespace WHEN 11 THEN 'pg_catalog' ELSE 'information_schema' END, relname, pgc.main.current_user(), NULL
FROM pgc.fixed.pg_class WHERE relkind = 'v';

CREATE VIEW pgc.pg_indexes AS
SELECT i.nspname AS schemaname, i.relname AS tablename, i.indname AS indexname, NULL::VARCHAR AS tablespace, t.opening || t.qualifier || t.ending AS indexdef
FROM pgc.live.index i JOIN pgc.live.index_text t ON t.oid = pgc.fixed.relation_oid(i.nspname, i.indname);

CREATE VIEW pgc.pg_rewrite AS
SELECT pgc.fixed.object_oid('rule', nspname || '.' || relname) AS oid, '_RETURN' AS rulename,
    pgc.fixed.relation_oid(nspname, relname) AS ev_class, '1' AS ev_type, 'O' AS ev_enabled, true AS is_instead, '<>' AS ev_qual,
    NULL::VARCHAR AS ev_action, 2618::BIGINT AS tableoid, 1::BIGINT AS xmin
FROM pgc.live.relation WHERE relkind = 'v';

CREATE VIEW pgc.pg_roles AS
SELECT CASE oid WHEN 10 THEN pgc.main.current_user() ELSE rolname END AS rolname,
    rolsuper AND coalesce(getvariable('pg_role')::VARCHAR, 'admin') = 'admin' AS rolsuper, * EXCLUDE (rolname, rolsuper)
FROM pgc.fixed.pg_roles;

CREATE VIEW pgc.pg_authid AS
SELECT oid, rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolbypassrls, rolconnlimit,
    NULL::VARCHAR AS rolpassword, rolvaliduntil
FROM pgc.pg_roles;

CREATE VIEW pgc.pg_user AS
SELECT rolname AS usename, oid AS usesysid, rolcreatedb AS usecreatedb, rolsuper AS usesuper, rolreplication AS userepl,
    rolbypassrls AS usebypassrls, '********' AS passwd, rolvaliduntil AS valuntil, rolconfig AS useconfig
FROM pgc.pg_roles WHERE rolcanlogin;

CREATE VIEW pgc.pg_shadow AS SELECT * REPLACE (NULL::VARCHAR AS passwd) FROM pgc.pg_user;

CREATE VIEW pgc.pg_group AS
SELECT rolname AS groname, oid AS grosysid, []::BIGINT[] AS grolist FROM pgc.pg_roles WHERE NOT rolcanlogin;

CREATE MACRO pgc.settings_of(_values) AS TABLE
SELECT name, coalesce(CAST(_values AS MAP(VARCHAR, VARCHAR))[name], setting) AS setting, * EXCLUDE (name, setting, shown) FROM pgc.fixed.pg_settings;
CREATE VIEW pgc.pg_settings AS FROM pgc.main.settings_of(NULL);

CREATE VIEW pgc.pg_tablespace AS SELECT *, 1213::BIGINT AS tableoid, 1::BIGINT AS xmin FROM pgc.fixed.pg_tablespace;

CREATE VIEW pgc.pg_extension AS
SELECT 13500::BIGINT AS oid, 'plpgsql' AS extname, 10::BIGINT AS extowner, 11::BIGINT AS extnamespace, false AS extrelocatable,
    '1.0' AS extversion, NULL::BIGINT[] AS extconfig, NULL::VARCHAR[] AS extcondition, 3079::BIGINT AS tableoid, 1::BIGINT AS xmin WHERE false;

CREATE VIEW pgc.pg_timezone_names AS SELECT name, abbrev, utc_offset, is_dst FROM pg_timezone_names();
