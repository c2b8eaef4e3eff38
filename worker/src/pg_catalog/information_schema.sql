-- The views of information_schema that have rows. DuckDB has a schema of this name in every database
-- and lets nobody add to it, so they carry it in their names.

CREATE VIEW pgc.information_schema_information_schema_catalog_name AS SELECT pgc.main.current_database() AS catalog_name;

CREATE VIEW pgc.information_schema_schemata AS
SELECT pgc.main.current_database() AS catalog_name, nspname AS schema_name, pgc.main.current_user() AS schema_owner,
    NULL::VARCHAR AS default_character_set_catalog, NULL::VARCHAR AS default_character_set_schema,
    NULL::VARCHAR AS default_character_set_name, NULL::VARCHAR AS sql_path
FROM pgc.pg_namespace;

CREATE VIEW pgc.live.any_relation AS
SELECT nspname, relname, relkind FROM pgc.live.relation
UNION ALL
SELECT CASE relnamespace WHEN 11 THEN 'pg_catalog' ELSE 'information_schema' END, relname, relkind FROM pgc.fixed.pg_class;

CREATE VIEW pgc.information_schema_tables AS
SELECT pgc.main.current_database() AS table_catalog, nspname AS table_schema, relname AS table_name,
    CASE WHEN nspname = 'pg_temp_1' THEN 'LOCAL TEMPORARY' WHEN relkind = 'v' THEN 'VIEW' ELSE 'BASE TABLE' END AS table_type,
    NULL::VARCHAR AS self_referencing_column_name, NULL::VARCHAR AS reference_generation, NULL::VARCHAR AS user_defined_type_catalog,
    NULL::VARCHAR AS user_defined_type_schema, NULL::VARCHAR AS user_defined_type_name,
    CASE relkind WHEN 'r' THEN 'YES' ELSE 'NO' END AS is_insertable_into, 'NO' AS is_typed, NULL::VARCHAR AS commit_action
FROM pgc.live.any_relation;

CREATE VIEW pgc.information_schema_views AS
SELECT pgc.main.current_database() AS table_catalog, schemaname AS table_schema, viewname AS table_name, definition AS view_definition,
    'NONE' AS check_option, 'NO' AS is_updatable, 'NO' AS is_insertable_into, 'NO' AS is_trigger_updatable,
    'NO' AS is_trigger_deletable, 'NO' AS is_trigger_insertable_into
FROM pgc.pg_views;

CREATE VIEW pgc.live.column AS
SELECT f.nspname, f.relname, f.attname, f.attnum, f.type, f.modifier, f.required,
    pgc.fixed.expression(f.preset, f.kind, f.type, f.enum_name) AS preset, r.relkind
FROM pgc.live.field f JOIN pgc.live.relation r USING (nspname, relname)
UNION ALL
SELECT CASE c.relnamespace WHEN 11 THEN 'pg_catalog' ELSE 'information_schema' END, c.relname, a.attname, a.attnum, a.atttypid, a.atttypmod,
    a.attnotnull, NULL, c.relkind
FROM pgc.fixed.pg_attribute a JOIN pgc.fixed.pg_class c ON c.oid = a.attrelid;

CREATE VIEW pgc.information_schema_columns AS
SELECT pgc.main.current_database() AS table_catalog, c.nspname AS table_schema, c.relname AS table_name, c.attname AS column_name,
    c.attnum::INTEGER AS ordinal_position, c.preset AS column_default, CASE WHEN c.required THEN 'NO' ELSE 'YES' END AS is_nullable,
    CASE WHEN starts_with(t.typname, '_') AND suffix(t.formatted, ']') THEN 'ARRAY' WHEN t.nspname <> 'pg_catalog' THEN 'USER-DEFINED'
        ELSE t.formatted END AS data_type,
    CASE WHEN c.type IN (1042, 1043) AND c.modifier > 0 THEN c.modifier - 4 END AS character_maximum_length,
    CASE WHEN c.type IN (1042, 1043) AND c.modifier > 0 THEN (c.modifier - 4) * 4 WHEN c.type IN (25, 1043) THEN 1073741824 END
        AS character_octet_length,
    CASE c.type WHEN 21 THEN 16 WHEN 23 THEN 32 WHEN 20 THEN 64 WHEN 700 THEN 24 WHEN 701 THEN 53
        WHEN 1700 THEN CASE WHEN c.modifier > 0 THEN (c.modifier - 4) // 65536 END END AS numeric_precision,
    CASE WHEN c.type IN (20, 21, 23, 700, 701) THEN 2 WHEN c.type = 1700 THEN 10 END AS numeric_precision_radix,
    CASE WHEN c.type IN (20, 21, 23) THEN 0 WHEN c.type = 1700 AND c.modifier > 0 THEN (c.modifier - 4) % 65536 END AS numeric_scale,
    CASE WHEN c.type = 1082 THEN 0 WHEN c.type IN (1083, 1114, 1184, 1186, 1266) THEN 6 END AS datetime_precision,
    NULL::VARCHAR AS interval_type, NULL::INTEGER AS interval_precision, NULL::VARCHAR AS character_set_catalog,
    NULL::VARCHAR AS character_set_schema, NULL::VARCHAR AS character_set_name, NULL::VARCHAR AS collation_catalog,
    NULL::VARCHAR AS collation_schema, NULL::VARCHAR AS collation_name, NULL::VARCHAR AS domain_catalog, NULL::VARCHAR AS domain_schema,
    NULL::VARCHAR AS domain_name, pgc.main.current_database() AS udt_catalog, coalesce(t.nspname, 'pg_catalog') AS udt_schema, t.typname AS udt_name,
    NULL::VARCHAR AS scope_catalog, NULL::VARCHAR AS scope_schema, NULL::VARCHAR AS scope_name, NULL::INTEGER AS maximum_cardinality,
    c.attnum::VARCHAR AS dtd_identifier, 'NO' AS is_self_referencing, 'NO' AS is_identity, NULL::VARCHAR AS identity_generation,
    NULL::VARCHAR AS identity_start, NULL::VARCHAR AS identity_increment, NULL::VARCHAR AS identity_maximum,
    NULL::VARCHAR AS identity_minimum, 'NO' AS identity_cycle, 'NEVER' AS is_generated, NULL::VARCHAR AS generation_expression,
    CASE c.relkind WHEN 'r' THEN 'YES' ELSE 'NO' END AS is_updatable
FROM pgc.live.column c LEFT JOIN pgc.live.type_name t ON t.oid = c.type;

CREATE VIEW pgc.information_schema_table_constraints AS
SELECT pgc.main.current_database() AS constraint_catalog, nspname AS constraint_schema, conname AS constraint_name,
    pgc.main.current_database() AS table_catalog, nspname AS table_schema, relname AS table_name,
    CASE contype WHEN 'p' THEN 'PRIMARY KEY' WHEN 'u' THEN 'UNIQUE' WHEN 'f' THEN 'FOREIGN KEY' ELSE 'CHECK' END AS constraint_type,
    'NO' AS is_deferrable, 'NO' AS initially_deferred, 'YES' AS enforced, CASE contype WHEN 'u' THEN 'YES' END AS nulls_distinct
FROM pgc.live.rule
UNION ALL
SELECT pgc.main.current_database(), nspname, pgc.fixed.schema_oid(nspname)::VARCHAR || '_' || pgc.fixed.relation_oid(nspname, relname)::VARCHAR || '_'
    || attnum::VARCHAR || '_not_null', pgc.main.current_database(), nspname, relname, 'CHECK', 'NO', 'NO', 'YES', NULL
FROM pgc.live.field WHERE required;

CREATE VIEW pgc.information_schema_key_column_usage AS
SELECT pgc.main.current_database() AS constraint_catalog, nspname AS constraint_schema, conname AS constraint_name,
    pgc.main.current_database() AS table_catalog, nspname AS table_schema, relname AS table_name, part AS column_name, place AS ordinal_position,
    CASE contype WHEN 'f' THEN place END AS position_in_unique_constraint
FROM (SELECT nspname, relname, conname, contype, unnest(names) AS part, unnest(range(1, len(names) + 1))::INTEGER AS place
    FROM pgc.live.rule WHERE contype IN ('p', 'u', 'f'));

CREATE VIEW pgc.information_schema_constraint_column_usage AS
SELECT pgc.main.current_database() AS table_catalog, nspname AS table_schema, table_name, part AS column_name,
    pgc.main.current_database() AS constraint_catalog, nspname AS constraint_schema, conname AS constraint_name
FROM (SELECT nspname, CASE contype WHEN 'f' THEN referenced_table ELSE relname END AS table_name, conname,
    unnest(CASE contype WHEN 'f' THEN referenced_column_names ELSE names END) AS part FROM pgc.live.rule);

CREATE VIEW pgc.information_schema_constraint_table_usage AS
SELECT pgc.main.current_database() AS table_catalog, nspname AS table_schema,
    CASE contype WHEN 'f' THEN referenced_table ELSE relname END AS table_name, pgc.main.current_database() AS constraint_catalog,
    nspname AS constraint_schema, conname AS constraint_name
FROM pgc.live.rule WHERE contype <> 'c';

CREATE VIEW pgc.information_schema_referential_constraints AS
SELECT pgc.main.current_database() AS constraint_catalog, nspname AS constraint_schema, conname AS constraint_name,
    pgc.main.current_database() AS unique_constraint_catalog, nspname AS unique_constraint_schema, target AS unique_constraint_name,
    'NONE' AS match_option, 'NO ACTION' AS update_rule, 'NO ACTION' AS delete_rule
FROM pgc.live.reference;

CREATE VIEW pgc.information_schema_check_constraints AS
SELECT pgc.main.current_database() AS constraint_catalog, nspname AS constraint_schema, conname AS constraint_name, expression AS check_clause
FROM pgc.live.rule WHERE contype = 'c'
UNION ALL
SELECT pgc.main.current_database(), nspname, pgc.fixed.schema_oid(nspname)::VARCHAR || '_' || pgc.fixed.relation_oid(nspname, relname)::VARCHAR || '_'
    || attnum::VARCHAR || '_not_null', attname || ' IS NOT NULL'
FROM pgc.live.field WHERE required;

CREATE VIEW pgc.information_schema_sequences AS
SELECT pgc.main.current_database() AS sequence_catalog, nspname AS sequence_schema, relname AS sequence_name, 'bigint' AS data_type,
    64 AS numeric_precision, 2 AS numeric_precision_radix, 0 AS numeric_scale, start_value::VARCHAR AS start_value,
    min_value::VARCHAR AS minimum_value, max_value::VARCHAR AS maximum_value, increment_by::VARCHAR AS increment,
    CASE WHEN cycle THEN 'YES' ELSE 'NO' END AS cycle_option
FROM pgc.live.sequence;

CREATE VIEW pgc.information_schema_table_privileges AS
SELECT pgc.main.current_user() AS grantor, pgc.main.current_user() AS grantee, pgc.main.current_database() AS table_catalog, nspname AS table_schema,
    relname AS table_name, privilege_type, 'YES' AS is_grantable, CASE privilege_type WHEN 'SELECT' THEN 'YES' ELSE 'NO' END AS with_hierarchy
FROM (SELECT nspname, relname, unnest(['INSERT', 'SELECT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) AS privilege_type
    FROM pgc.live.relation) WHERE pgc.fixed.may(privilege_type);
CREATE VIEW pgc.information_schema_role_table_grants AS FROM pgc.information_schema_table_privileges;

CREATE VIEW pgc.information_schema_column_privileges AS
SELECT pgc.main.current_user() AS grantor, pgc.main.current_user() AS grantee, pgc.main.current_database() AS table_catalog, nspname AS table_schema,
    relname AS table_name, attname AS column_name, privilege_type, 'YES' AS is_grantable
FROM (SELECT nspname, relname, attname, unnest(['INSERT', 'SELECT', 'UPDATE', 'REFERENCES']) AS privilege_type FROM pgc.live.field)
WHERE pgc.fixed.may(privilege_type);
CREATE VIEW pgc.information_schema_role_column_grants AS FROM pgc.information_schema_column_privileges;

CREATE VIEW pgc.information_schema_enabled_roles AS SELECT rolname AS role_name FROM pgc.pg_roles;
CREATE VIEW pgc.information_schema_applicable_roles AS
SELECT pgc.main.current_user() AS grantee, rolname AS role_name, 'NO' AS is_grantable FROM pgc.pg_roles WHERE oid <> 10;

CREATE VIEW pgc.information_schema_routines AS
SELECT pgc.main.current_database() AS specific_catalog, n.nspname AS specific_schema, p.proname || '_' || p.oid::VARCHAR AS specific_name,
    pgc.main.current_database() AS routine_catalog, n.nspname AS routine_schema, p.proname AS routine_name,
    CASE p.prokind WHEN 'f' THEN 'FUNCTION' WHEN 'p' THEN 'PROCEDURE' END AS routine_type, t.formatted AS data_type,
    pgc.main.current_database() AS type_udt_catalog, t.nspname AS type_udt_schema, t.typname AS type_udt_name,
    'EXTERNAL' AS routine_body, NULL::VARCHAR AS routine_definition, NULL::VARCHAR AS external_name, 'INTERNAL' AS external_language,
    'GENERAL' AS parameter_style, CASE p.provolatile WHEN 'i' THEN 'YES' ELSE 'NO' END AS is_deterministic, 'INVOKER' AS security_type
FROM pgc.pg_proc p JOIN pgc.pg_namespace n ON n.oid = p.pronamespace LEFT JOIN pgc.live.type_name t ON t.oid = p.prorettype;

-- The end of the making: from here on views read what is there.
RESET VARIABLE pg_base;
RESET VARIABLE pg_derived;
DROP TABLE temp.main.pgc_relation;
DROP TABLE temp.main.pgc_sequence;
DROP TABLE temp.main.pgc_field;
DROP TABLE temp.main.pgc_rule;
DROP TABLE temp.main.pgc_created_index;
DROP TABLE temp.main.pgc_enum;
DROP TABLE temp.main.pgc_schema;
DROP TABLE temp.main.pgc_view_text;
DROP TABLE temp.main.pgc_macro;
DROP TABLE temp.main.pgc_fields;
DROP TABLE temp.main.pgc_index;
DROP TABLE temp.main.pgc_named;
DROP TABLE temp.main.pgc_type_name;
DROP TABLE temp.main.pgc_key;
DROP TABLE temp.main.pgc_defined;
DROP TABLE temp.main.pgc_type_key;
DROP TABLE temp.main.pgc_rule_text;
DROP TABLE temp.main.pgc_index_text;
DROP TABLE temp.main.pgc_description;
DROP TABLE temp.main.pgc_pg_class;
DROP TABLE temp.main.pgc_own_attribute;
DROP TABLE temp.main.pgc_pg_type;
DROP TABLE temp.main.pgc_pg_constraint;
DROP TABLE temp.main.pgc_pg_index;
DROP TABLE temp.main.pgc_pg_namespace;
DROP TABLE temp.main.pgc_pg_attrdef;
DROP TABLE temp.main.pgc_pg_enum;
