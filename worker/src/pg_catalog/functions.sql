-- Functions that look something up. A lookup is a scalar subquery; DuckDB joins it once for all rows.
-- Parameters begin with an underscore, because a parameter hides the columns of its own name.

CREATE VIEW pgc.now.named AS
SELECT pgc.fixed.relation_oid(nspname, relname) AS oid, nspname, relname FROM pgc.live.name
UNION ALL
SELECT oid, CASE relnamespace WHEN 11 THEN 'pg_catalog' ELSE 'information_schema' END, relname FROM pgc.fixed.pg_class;
CREATE TEMP TABLE pgc_named AS FROM pgc.now.named LIMIT 0;
CREATE VIEW pgc.live.named AS FROM query_table(pgc.fixed.derived('named'));

-- Every way to write a relation's name, so that a lookup is a plain equality. `nspname` is that of an unqualified one.
CREATE VIEW pgc.now.key AS
SELECT DISTINCT oid, NULL::VARCHAR AS nspname, nsp || '.' || rel AS key
FROM (SELECT oid, nsp, unnest([lower(relname), pgc.main.quote_ident(relname), '"' || relname || '"']) AS rel
    FROM (SELECT oid, relname, unnest([nspname, pgc.main.quote_ident(nspname), '"' || nspname || '"']) AS nsp FROM pgc.live.named))
UNION ALL
SELECT DISTINCT oid, nspname, unnest([lower(relname), pgc.main.quote_ident(relname), '"' || relname || '"']) FROM pgc.live.named;
CREATE TEMP TABLE pgc_key AS FROM pgc.now.key LIMIT 0;
CREATE VIEW pgc.live.key AS FROM query_table(pgc.fixed.derived('key'));
-- The same with the number as text, for functions that take either.
CREATE VIEW pgc.live.any_key AS FROM pgc.live.key UNION ALL SELECT oid, NULL, oid::VARCHAR FROM pgc.live.named;

CREATE VIEW pgc.now.type_name AS
SELECT oid, CASE typnamespace WHEN 11 THEN 'pg_catalog' ELSE 'information_schema' END AS nspname, typname, formatted FROM pgc.fixed.pg_type
UNION ALL SELECT oid, nspname, typname, pgc.main.quote_ident(typname) FROM pgc.live.enum
UNION ALL SELECT oid + 1, nspname, '_' || typname, pgc.main.quote_ident(typname) || '[]' FROM pgc.live.enum
UNION ALL SELECT pgc.fixed.relation_oid(nspname, relname) + 1, nspname, relname, pgc.main.quote_ident(relname) FROM pgc.live.relation
UNION ALL SELECT pgc.fixed.relation_oid(nspname, relname) + 2, nspname, '_' || relname, pgc.main.quote_ident(relname) || '[]' FROM pgc.live.relation;
CREATE TEMP TABLE pgc_type_name AS FROM pgc.now.type_name LIMIT 0;
CREATE VIEW pgc.live.type_name AS FROM query_table(pgc.fixed.derived('type_name'));

CREATE VIEW pgc.now.description AS
SELECT pgc.fixed.relation_oid(nspname, relname) AS objoid, 1259::BIGINT AS classoid, 0 AS objsubid, comment AS description
FROM (SELECT nspname, relname, comment FROM pgc.live.relation
    UNION ALL SELECT nspname, relname, comment FROM pgc.live.sequence
    UNION ALL SELECT nspname, indname, comment FROM pgc.live.created_index) WHERE comment IS NOT NULL
UNION ALL
SELECT pgc.fixed.relation_oid(nspname, relname), 1259, attnum, comment FROM pgc.live.field WHERE comment IS NOT NULL
UNION ALL
SELECT oid, 1247, 0, comment FROM pgc.live.enum WHERE comment IS NOT NULL
UNION ALL
SELECT pgc.fixed.schema_oid(nspname), 2615, 0, comment FROM pgc.live.schema WHERE comment IS NOT NULL
UNION ALL
SELECT 2200, 2615, 0, 'standard public schema';
CREATE TEMP TABLE pgc_description AS FROM pgc.now.description LIMIT 0;
CREATE VIEW pgc.live.description AS FROM query_table(pgc.fixed.derived('description'));

-- Object types: text or number to OID, and OID to text.
CREATE MACRO pgc.fixed.digits(_text) AS CASE WHEN regexp_full_match(_text, '[0-9]+') THEN TRY_CAST(_text AS BIGINT) END;
CREATE OR REPLACE MACRO pgc.to_regclass(_written) AS (
    SELECT min(oid) FROM pgc.live.key
    WHERE key = CASE WHEN contains(_written, '"') THEN regexp_replace(_written, '"\s*\.\s*"', '"."') ELSE lower(_written) END
        AND (nspname IS NULL OR pgc.fixed.visible(nspname)));
CREATE OR REPLACE MACRO pgc.regclass_in(_given) AS CASE WHEN _given IS NULL THEN NULL ELSE coalesce(
    pgc.fixed.digits(_given::VARCHAR), pgc.main.to_regclass(_given::VARCHAR),
    error('relation "' || _given::VARCHAR || '" does not exist')::BIGINT) END;
CREATE OR REPLACE MACRO pgc.regclass_out(_oid) AS CASE _oid WHEN 0 THEN '-' ELSE coalesce((SELECT min(
        CASE WHEN pgc.fixed.visible(nspname) THEN '' ELSE pgc.main.quote_ident(nspname) || '.' END || pgc.main.quote_ident(relname))
    FROM pgc.live.named WHERE oid = _oid), _oid::VARCHAR) END;

CREATE VIEW pgc.now.type_key AS
SELECT oid, unnest([typname, formatted, nspname || '.' || typname, nspname || '.' || formatted]) AS key FROM pgc.live.type_name
UNION ALL SELECT 23, 'int' UNION ALL SELECT 1007, 'int[]' UNION ALL SELECT 1700, 'decimal' UNION ALL SELECT 1700, 'dec'
UNION ALL SELECT 701, 'float' UNION ALL SELECT 1042, 'char' UNION ALL SELECT 1231, 'decimal[]' UNION ALL SELECT 1022, 'float[]'
UNION ALL SELECT array_of, 'pg_catalog.' || label || '[]' FROM pgc.fixed.kind
UNION ALL SELECT typarray, typname || '[]' FROM pgc.fixed.pg_type WHERE typarray <> 0;
CREATE TEMP TABLE pgc_type_key AS FROM pgc.now.type_key LIMIT 0;
CREATE VIEW pgc.live.type_key AS FROM query_table(pgc.fixed.derived('type_key'));
CREATE OR REPLACE MACRO pgc.to_regtype(_written) AS (
    SELECT min(oid) FROM pgc.live.type_key
    WHERE key = CASE WHEN contains(_written, '"') THEN _written ELSE lower(regexp_replace(_written, '\s*\([^)]*\)', '')) END);
CREATE OR REPLACE MACRO pgc.regtype_in(_given) AS CASE WHEN _given IS NULL THEN NULL ELSE coalesce(
    pgc.fixed.digits(_given::VARCHAR), pgc.main.to_regtype(_given::VARCHAR),
    error('type "' || _given::VARCHAR || '" does not exist')::BIGINT) END;
CREATE OR REPLACE MACRO pgc.regtype_out(_oid) AS CASE _oid WHEN 0 THEN '-' ELSE
    coalesce((SELECT min(formatted) FROM pgc.live.type_name WHERE oid = _oid), _oid::VARCHAR) END;

CREATE OR REPLACE MACRO pgc.to_regproc(_written) AS (
    SELECT min(oid) FROM pgc.fixed.pg_proc WHERE proname = pgc.fixed.name_parts(split_part(_written, '(', 1))[-1]);
CREATE OR REPLACE MACRO pgc.regproc_in(_given) AS CASE WHEN _given IS NULL THEN NULL WHEN _given::VARCHAR = '-' THEN 0 ELSE
    coalesce(pgc.fixed.digits(_given::VARCHAR), pgc.main.to_regproc(_given::VARCHAR),
        error('function "' || _given::VARCHAR || '" does not exist')::BIGINT) END;
-- Names by number, in one list: a look into it neither joins nor changes the order of rows, by which some clients go.
-- A name that several functions have is told with its schema.
CREATE TABLE pgc.fixed.function_names AS
SELECT list(p.name ORDER BY n.oid) AS names FROM range(1, (SELECT max(oid) FROM pgc.fixed.pg_proc) + 1) n(oid) LEFT JOIN (
    SELECT oid, CASE WHEN pronamespace <> 11 THEN 'information_schema.' WHEN count(*) OVER (PARTITION BY proname, pronamespace) > 1 THEN 'pg_catalog.'
        ELSE '' END || proname AS name FROM pgc.fixed.pg_proc) p USING (oid);
CREATE OR REPLACE MACRO pgc.regproc_out(_oid) AS CASE _oid WHEN 0 THEN '-' ELSE
    coalesce((SELECT names FROM pgc.fixed.function_names)[_oid], _oid::VARCHAR) END;
CREATE OR REPLACE MACRO pgc.regtypes_out(_types) AS CASE WHEN _types IS NULL THEN NULL ELSE coalesce((
    SELECT list(coalesce(t.formatted, a.type::VARCHAR) ORDER BY a.place)
    FROM (SELECT unnest(_types::BIGINT[]) AS type, unnest(range(1, len(_types) + 1)) AS place) a
    LEFT JOIN pgc.live.type_name t ON t.oid = a.type), []::VARCHAR[]) END;
-- An array as PostgreSQL writes it.
CREATE OR REPLACE MACRO pgc.array_text(_list) AS '{' || array_to_string(list_transform(_list::VARCHAR[], lambda part: CASE
    WHEN part IS NULL THEN 'NULL' WHEN part = '' OR lower(part) = 'null' OR regexp_matches(part, '[{},"\s\\]')
    THEN '"' || replace(replace(part, chr(92), chr(92) || chr(92)), '"', chr(92) || '"') || '"' ELSE part END), ',') || '}';
CREATE OR REPLACE MACRO pgc.oidvectortypes(_types) AS coalesce((
    SELECT string_agg(t.formatted, ', ' ORDER BY a.place) FROM (SELECT unnest(_types) AS type, unnest(range(1, len(_types) + 1)) AS place) a
    JOIN pgc.live.type_name t ON t.oid = a.type), '');
CREATE MACRO pgc.fixed.signature(_oid) AS (
    SELECT min(proname || '(' || coalesce(signature, identity_arguments, arguments, '') || ')') FROM pgc.fixed.pg_proc WHERE oid = _oid);
CREATE OR REPLACE MACRO pgc.to_regprocedure(_written) AS (
    SELECT min(oid) FROM pgc.fixed.pg_proc WHERE proname = pgc.fixed.name_parts(split_part(_written, '(', 1))[-1]
        AND replace(coalesce(signature, identity_arguments, arguments, ''), ' ', '') = replace(split_part(split_part(_written, '(', 2), ')', 1), ' ', ''));
CREATE OR REPLACE MACRO pgc.regprocedure_in(_given) AS CASE WHEN _given IS NULL THEN NULL ELSE coalesce(
    pgc.fixed.digits(_given::VARCHAR), pgc.main.to_regprocedure(_given::VARCHAR),
    error('function "' || _given::VARCHAR || '" does not exist')::BIGINT) END;
CREATE OR REPLACE MACRO pgc.regprocedure_out(_oid) AS CASE _oid WHEN 0 THEN '-' ELSE coalesce(pgc.fixed.signature(_oid), _oid::VARCHAR) END;

CREATE OR REPLACE MACRO pgc.to_regnamespace(_written) AS (
    SELECT min(pgc.fixed.schema_oid(nspname)) FROM (SELECT nspname FROM pgc.live.schema UNION ALL SELECT nspname FROM pgc.fixed.pg_namespace)
    WHERE nspname = pgc.fixed.name_parts(_written)[-1]);
CREATE OR REPLACE MACRO pgc.regnamespace_in(_given) AS CASE WHEN _given IS NULL THEN NULL ELSE coalesce(
    pgc.fixed.digits(_given::VARCHAR), pgc.main.to_regnamespace(_given::VARCHAR),
    error('schema "' || _given::VARCHAR || '" does not exist')::BIGINT) END;
CREATE OR REPLACE MACRO pgc.regnamespace_out(_oid) AS CASE _oid WHEN 0 THEN '-' WHEN 2200 THEN 'public' WHEN 11 THEN 'pg_catalog' ELSE
    coalesce((SELECT min(nspname) FROM pgc.live.schema WHERE pgc.fixed.schema_oid(nspname) = _oid),
        (SELECT min(nspname) FROM pgc.fixed.pg_namespace WHERE oid = _oid), _oid::VARCHAR) END;

CREATE MACRO pgc.fixed.role_name(_oid) AS CASE _oid WHEN 10 THEN pgc.main.current_user()
    ELSE (SELECT min(rolname) FROM pgc.fixed.pg_roles WHERE oid = _oid) END;
CREATE OR REPLACE MACRO pgc.pg_get_userbyid(_oid) AS coalesce(pgc.fixed.role_name(_oid), 'unknown (OID=' || _oid::VARCHAR || ')');
CREATE OR REPLACE MACRO pgc.to_regrole(_written) AS CASE WHEN pgc.fixed.name_parts(_written)[-1] = pgc.main.current_user() THEN 10
    ELSE (SELECT min(oid) FROM pgc.fixed.pg_roles WHERE rolname = pgc.fixed.name_parts(_written)[-1] AND oid <> 10) END;
CREATE OR REPLACE MACRO pgc.regrole_in(_given) AS CASE WHEN _given IS NULL THEN NULL ELSE coalesce(
    pgc.fixed.digits(_given::VARCHAR), pgc.main.to_regrole(_given::VARCHAR),
    error('role "' || _given::VARCHAR || '" does not exist')::BIGINT) END;
CREATE OR REPLACE MACRO pgc.regrole_out(_oid) AS CASE _oid WHEN 0 THEN '-' ELSE coalesce(pgc.fixed.role_name(_oid), _oid::VARCHAR) END;

CREATE OR REPLACE MACRO pgc.regoper_in(_given) AS CASE WHEN _given IS NULL THEN NULL ELSE coalesce(
    pgc.fixed.digits(_given::VARCHAR), (SELECT min(oid) FROM pgc.fixed.pg_operator WHERE oprname = replace(_given::VARCHAR, 'pg_catalog.', '')),
    error('operator does not exist: ' || _given::VARCHAR)::BIGINT) END;
CREATE OR REPLACE MACRO pgc.regoper_out(_oid) AS CASE _oid WHEN 0 THEN '0' ELSE
    coalesce((SELECT min(oprname) FROM pgc.fixed.pg_operator WHERE oid = _oid), _oid::VARCHAR) END;
CREATE MACRO pgc.fixed.operand(_oid) AS CASE _oid WHEN 0 THEN 'NONE'
    ELSE coalesce((SELECT min(formatted) FROM pgc.fixed.pg_type WHERE oid = _oid), _oid::VARCHAR) END;
CREATE OR REPLACE MACRO pgc.regoperator_in(_given) AS pgc.main.regoper_in(split_part(_given::VARCHAR, '(', 1));
CREATE OR REPLACE MACRO pgc.regoperator_out(_oid) AS CASE _oid WHEN 0 THEN '0' ELSE coalesce((
    SELECT min(o.oprname || '(' || coalesce(l.formatted, 'NONE') || ',' || r.formatted || ')') FROM pgc.fixed.pg_operator o
    LEFT JOIN pgc.fixed.pg_type l ON l.oid = o.oprleft JOIN pgc.fixed.pg_type r ON r.oid = o.oprright WHERE o.oid = _oid),
    _oid::VARCHAR) END;
CREATE OR REPLACE MACRO pgc.regconfig_in(_given) AS coalesce(pgc.fixed.digits(_given::VARCHAR),
    (SELECT min(oid) FROM pgc.fixed.pg_ts_config WHERE cfgname = pgc.fixed.name_parts(_given::VARCHAR)[-1]));
CREATE OR REPLACE MACRO pgc.regconfig_out(_oid) AS coalesce((SELECT min(cfgname) FROM pgc.fixed.pg_ts_config WHERE oid = _oid), _oid::VARCHAR);
CREATE OR REPLACE MACRO pgc.regdictionary_in(_given) AS coalesce(pgc.fixed.digits(_given::VARCHAR),
    (SELECT min(oid) FROM pgc.fixed.pg_ts_dict WHERE dictname = pgc.fixed.name_parts(_given::VARCHAR)[-1]));
CREATE OR REPLACE MACRO pgc.regdictionary_out(_oid) AS coalesce((SELECT min(dictname) FROM pgc.fixed.pg_ts_dict WHERE oid = _oid), _oid::VARCHAR);
CREATE OR REPLACE MACRO pgc.regcollation_in(_given) AS coalesce(pgc.fixed.digits(_given::VARCHAR),
    (SELECT min(oid) FROM pgc.fixed.pg_collation WHERE collname = pgc.fixed.name_parts(_given::VARCHAR)[-1]));
CREATE OR REPLACE MACRO pgc.regcollation_out(_oid) AS coalesce((SELECT min(pgc.main.quote_ident(collname)) FROM pgc.fixed.pg_collation WHERE oid = _oid), _oid::VARCHAR);

-- Types.
CREATE MACRO pgc.fixed.with_modifier(_label, _type, _mod) AS CASE
    WHEN _mod IS NULL OR _mod < 0 THEN _label
    WHEN _type IN (1700, 1231) THEN replace(_label, 'numeric', 'numeric(' || ((_mod - 4) // 65536)::VARCHAR || ',' || ((_mod - 4) % 65536)::VARCHAR || ')')
    WHEN _type IN (1042, 1014) THEN replace(_label, 'character', 'character(' || (_mod - 4)::VARCHAR || ')')
    WHEN _type IN (1043, 1015) THEN replace(_label, 'varying', 'varying(' || (_mod - 4)::VARCHAR || ')')
    WHEN _type IN (1560, 1562) THEN _label || '(' || _mod::VARCHAR || ')'
    WHEN _type IN (1083, 1114, 1184, 1266) THEN regexp_replace(_label, '^(time|timestamp)', '\1(' || _mod::VARCHAR || ')')
    ELSE _label END;
CREATE OR REPLACE MACRO pgc.format_type(_type, _mod) AS CASE WHEN _type IS NULL THEN NULL WHEN _type = 0 THEN '-' ELSE
    coalesce((SELECT min(pgc.fixed.with_modifier(formatted, oid, _mod)) FROM pgc.live.type_name WHERE oid = _type), '???') END;
CREATE OR REPLACE MACRO pgc.pg_typeof(_any) AS
    pgc.fixed.type_label(typeof(_any)) || CASE WHEN suffix(typeof(_any), ']') THEN '[]' ELSE '' END;

-- Definitions.
CREATE MACRO pgc.fixed.listed(_names) AS array_to_string(list_transform(_names, lambda part: pgc.main.quote_ident(part)), ', ');
CREATE OR REPLACE MACRO pgc.pg_get_expr(_expr, _rel) AS _expr, (_expr, _rel, _pretty) AS _expr;
-- Texts that hold a name in two parts around its schema, which only shows where the name is not visible to the session.
CREATE VIEW pgc.now.rule_text AS
SELECT pgc.fixed.object_oid('constraint', nspname || '.' || relname || '.' || conname) AS oid, nspname, CASE contype
    WHEN 'p' THEN 'PRIMARY KEY (' || pgc.fixed.listed(names) || ')' WHEN 'u' THEN 'UNIQUE (' || pgc.fixed.listed(names) || ')'
    WHEN 'f' THEN 'FOREIGN KEY (' || pgc.fixed.listed(names) || ') REFERENCES ' ELSE 'CHECK ' || expression END AS opening,
    CASE contype WHEN 'f' THEN pgc.main.quote_ident(referenced_table) || '(' || pgc.fixed.listed(referenced_column_names) || ')' END AS ending
FROM pgc.live.rule;
CREATE TEMP TABLE pgc_rule_text AS FROM pgc.now.rule_text LIMIT 0;
CREATE VIEW pgc.live.rule_text AS FROM query_table(pgc.fixed.derived('rule_text'));
CREATE MACRO pgc.fixed.qualifier(_nsp) AS CASE WHEN pgc.fixed.visible(_nsp) THEN '' ELSE pgc.main.quote_ident(_nsp) || '.' END;
CREATE OR REPLACE MACRO pgc.pg_get_constraintdef(_oid) AS (
        SELECT min(opening || coalesce(pgc.fixed.qualifier(nspname) || ending, '')) FROM pgc.live.rule_text WHERE oid = _oid),
    (_oid, _pretty) AS (
        SELECT min(opening || coalesce(pgc.fixed.qualifier(nspname) || ending, '')) FROM pgc.live.rule_text WHERE oid = _oid);
CREATE VIEW pgc.now.index_text AS
SELECT pgc.fixed.relation_oid(nspname, indname) AS oid, nspname, names, 'CREATE ' || CASE WHEN is_unique THEN 'UNIQUE ' ELSE '' END || 'INDEX '
    || pgc.main.quote_ident(indname) || ' ON ' AS opening, pgc.main.quote_ident(nspname) || '.' AS qualifier,
    pgc.main.quote_ident(relname) || ' USING btree ('
    || array_to_string(list_transform(names, lambda part: CASE WHEN starts_with(part, '(') THEN part ELSE pgc.main.quote_ident(part) END), ', ')
    || ')' AS ending
FROM pgc.live.index;
CREATE TEMP TABLE pgc_index_text AS FROM pgc.now.index_text LIMIT 0;
CREATE VIEW pgc.live.index_text AS FROM query_table(pgc.fixed.derived('index_text'));
CREATE OR REPLACE MACRO pgc.pg_get_indexdef(_oid) AS (SELECT min(opening || qualifier || ending) FROM pgc.live.index_text WHERE oid = _oid),
    (_oid, _place, _pretty) AS (SELECT min(CASE _place
        WHEN 0 THEN opening || CASE WHEN _pretty THEN pgc.fixed.qualifier(nspname) ELSE qualifier END || ending
        ELSE coalesce(CASE WHEN starts_with(names[_place], '(') THEN names[_place] ELSE pgc.main.quote_ident(names[_place]) END, '') END)
        FROM pgc.live.index_text WHERE oid = _oid);
CREATE VIEW pgc.now.defined AS
SELECT k.key, k.nspname, v.definition
FROM pgc.live.any_key k JOIN pgc.live.view_text v ON k.oid = pgc.fixed.relation_oid(v.nspname, v.relname);
CREATE TEMP TABLE pgc_defined AS FROM pgc.now.defined LIMIT 0;
CREATE VIEW pgc.live.defined AS FROM query_table(pgc.fixed.derived('defined'));
CREATE OR REPLACE MACRO pgc.pg_get_viewdef(_view) AS (SELECT min(definition) FROM pgc.live.defined
        WHERE key = _view::VARCHAR AND (nspname IS NULL OR pgc.fixed.visible(nspname))),
    (_view, _pretty) AS (SELECT min(definition) FROM pgc.live.defined
        WHERE key = _view::VARCHAR AND (nspname IS NULL OR pgc.fixed.visible(nspname)));
CREATE OR REPLACE MACRO pgc.pg_get_ruledef(_oid) AS NULL::VARCHAR, (_oid, _pretty) AS NULL::VARCHAR;
CREATE OR REPLACE MACRO pgc.pg_get_triggerdef(_oid) AS NULL::VARCHAR, (_oid, _pretty) AS NULL::VARCHAR;
CREATE OR REPLACE MACRO pgc.pg_get_partkeydef(_oid) AS NULL::VARCHAR;
CREATE OR REPLACE MACRO pgc.pg_get_partition_constraintdef(_oid) AS NULL::VARCHAR;
CREATE OR REPLACE MACRO pgc.pg_get_statisticsobjdef(_oid) AS NULL::VARCHAR;
CREATE OR REPLACE MACRO pgc.pg_get_statisticsobjdef_columns(_oid) AS NULL::VARCHAR;
CREATE OR REPLACE MACRO pgc.pg_get_function_arguments(_oid) AS (SELECT min(coalesce(arguments, signature)) FROM pgc.fixed.pg_proc WHERE oid = _oid);
CREATE OR REPLACE MACRO pgc.pg_get_function_identity_arguments(_oid) AS (
    SELECT min(coalesce(identity_arguments, arguments, signature)) FROM pgc.fixed.pg_proc WHERE oid = _oid);
CREATE OR REPLACE MACRO pgc.pg_get_function_result(_oid) AS (
    SELECT min(coalesce(f.result, CASE WHEN f.prokind <> 'p' THEN t.formatted END))
    FROM pgc.fixed.pg_proc f JOIN pgc.fixed.pg_type t ON t.oid = f.prorettype WHERE f.oid = _oid);
CREATE OR REPLACE MACRO pgc.pg_get_function_arg_default(_oid, _place) AS NULL::VARCHAR;
CREATE OR REPLACE MACRO pgc.pg_get_function_sqlbody(_oid) AS NULL::VARCHAR;
CREATE OR REPLACE MACRO pgc.pg_get_functiondef(_oid) AS (
    SELECT min('CREATE OR REPLACE FUNCTION pg_catalog.' || f.proname || '(' || coalesce(f.arguments, f.signature, '') || ')' || chr(10)
        || ' RETURNS ' || coalesce(f.result, t.formatted) || chr(10) || ' LANGUAGE internal' || chr(10)
        || CASE f.provolatile WHEN 'i' THEN ' IMMUTABLE' WHEN 's' THEN ' STABLE' ELSE '' END
        || CASE f.proparallel WHEN 's' THEN ' PARALLEL SAFE' WHEN 'r' THEN ' PARALLEL RESTRICTED' ELSE '' END
        || CASE WHEN f.proisstrict THEN ' STRICT' ELSE '' END || chr(10)
        || 'AS $function$' || coalesce(f.prosrc, f.proname) || '$function$' || chr(10))
    FROM pgc.fixed.pg_proc f JOIN pgc.fixed.pg_type t ON t.oid = f.prorettype WHERE f.oid = _oid);
CREATE OR REPLACE MACRO pgc.pg_get_serial_sequence(_table, _column) AS (
    SELECT min('public.' || regexp_extract(preset, 'nextval\(''([^'']*)''\)', 1)) FROM pgc.live.field
    WHERE attname = _column AND contains(preset, 'nextval(')
        AND pgc.fixed.relation_oid(nspname, relname) = pgc.main.to_regclass(_table::VARCHAR));
CREATE OR REPLACE MACRO pgc.pg_describe_object(_class, _oid, _part) AS coalesce((
    SELECT min('table ' || relname) FROM pgc.live.named WHERE oid = _oid), _oid::VARCHAR);
CREATE OR REPLACE MACRO pgc.pg_relation_is_publishable(_rel) AS false;
CREATE OR REPLACE MACRO pgc.pg_identify_object_as_address(_class, _oid, _part) AS NULL;

-- Comments.
CREATE MACRO pgc.fixed.class_oid(_catalog) AS (SELECT min(oid) FROM pgc.fixed.pg_class WHERE relname = _catalog AND relnamespace = 11);
CREATE VIEW pgc.live.described AS
SELECT objoid, classoid, objsubid, description FROM pgc.fixed.pg_description UNION ALL FROM pgc.live.description;
CREATE OR REPLACE MACRO pgc.obj_description(_oid, _catalog) AS (
        SELECT min(description) FROM pgc.live.described WHERE objoid = _oid AND objsubid = 0 AND classoid = pgc.fixed.class_oid(_catalog)),
    (_oid) AS (SELECT min(description) FROM pgc.live.described WHERE objoid = _oid AND objsubid = 0);
CREATE OR REPLACE MACRO pgc.col_description(_rel, _place) AS (
    SELECT min(description) FROM pgc.live.description WHERE objoid = _rel AND objsubid = _place AND classoid = 1259);
CREATE OR REPLACE MACRO pgc.shobj_description(_oid, _catalog) AS (
    SELECT min(description) FROM pgc.fixed.pg_shdescription WHERE objoid = _oid);

-- Sets.
CREATE OR REPLACE MACRO pgc.ts_token_type(_parser) AS TABLE SELECT tokid::INTEGER AS tokid, alias, description FROM pgc.fixed.token_type;
CREATE OR REPLACE MACRO pgc.pg_partition_ancestors(_rel) AS unnest([pgc.main.regclass_in(_rel)]);
CREATE OR REPLACE MACRO pgc.pg_partition_ancestors(_rel) AS TABLE SELECT pgc.main.regclass_in(_rel) AS relid, 1::BIGINT AS ordinality;
CREATE OR REPLACE MACRO pgc.pg_partition_tree(_rel) AS TABLE
    SELECT pgc.main.regclass_in(_rel) AS relid, NULL::BIGINT AS parentrelid, true AS isleaf, 0 AS level;
CREATE OR REPLACE MACRO pgc.pg_get_keywords() AS TABLE
    SELECT word, catcode, barelabel::BOOLEAN AS barelabel, catdesc, baredesc FROM pgc.fixed.keyword;
CREATE OR REPLACE MACRO pgc.pg_get_publication_tables(_name) AS TABLE
    SELECT 0::BIGINT AS relid, NULL::SMALLINT[] AS attrs, NULL::VARCHAR AS qual WHERE false;
CREATE OR REPLACE MACRO pgc.pg_options_to_table(_options) AS TABLE
    SELECT split_part(entry, '=', 1) AS option_name, split_part(entry, '=', 2) AS option_value
    FROM (SELECT unnest(_options::VARCHAR[]) AS entry);
CREATE OR REPLACE MACRO pgc.aclexplode(_acl) AS TABLE
    SELECT 0::BIGINT AS grantor, 0::BIGINT AS grantee, '' AS privilege_type, false AS is_grantable WHERE false;
CREATE OR REPLACE MACRO pgc.pg_show_all_settings() AS TABLE FROM pgc.fixed.pg_settings;
CREATE OR REPLACE MACRO pgc.pg_available_extensions() AS TABLE
    SELECT '' AS name, '' AS default_version, '' AS comment WHERE false;

-- Visible: found without its schema's name.
CREATE OR REPLACE MACRO pgc.pg_table_is_visible(_oid) AS
    _oid IN (SELECT oid FROM pgc.live.named WHERE pgc.fixed.visible(nspname));
CREATE OR REPLACE MACRO pgc.pg_type_is_visible(_oid) AS
    _oid NOT IN (SELECT oid FROM pgc.live.type_name WHERE NOT pgc.fixed.visible(nspname));
CREATE OR REPLACE MACRO pgc.pg_function_is_visible(_oid) AS true;
CREATE OR REPLACE MACRO pgc.pg_operator_is_visible(_oid) AS true;
CREATE OR REPLACE MACRO pgc.pg_opclass_is_visible(_oid) AS true;
CREATE OR REPLACE MACRO pgc.pg_opfamily_is_visible(_oid) AS true;
CREATE OR REPLACE MACRO pgc.pg_collation_is_visible(_oid) AS true;
CREATE OR REPLACE MACRO pgc.pg_conversion_is_visible(_oid) AS true;
CREATE OR REPLACE MACRO pgc.pg_statistics_obj_is_visible(_oid) AS true;
CREATE OR REPLACE MACRO pgc.pg_ts_config_is_visible(_oid) AS true;
CREATE OR REPLACE MACRO pgc.pg_ts_dict_is_visible(_oid) AS true;
CREATE OR REPLACE MACRO pgc.pg_ts_parser_is_visible(_oid) AS true;
CREATE OR REPLACE MACRO pgc.pg_ts_template_is_visible(_oid) AS true;
