-- What things are called and numbered: pure functions that the views and the lookups build on.
--
-- An object's number is a hash of what it is and its full name, so that every worker gives the
-- same one, before and after a restart. Numbers are multiples of four: the two behind a
-- relation's are its row type and the array of it, the one behind an enum's is the array of it.
CREATE SCHEMA pgc.now;
CREATE SCHEMA pgc.live;

-- A view of `live` reads what the view of that name in `now` says. That takes DuckDB milliseconds, so the worker keeps the rows
-- of all of them in the tables of the database `pgc_rows` (snapshot.rs), and a connection says in variables where to read:
-- `pg_base` is the prefix of the rows taken from DuckDB's functions, `pg_derived` of those made of them. A connection
-- that has neither reads the state itself.
-- While the catalog is made, both name empty temporary tables: DuckDB binds each new view, and does so much
-- faster over tables than over views of views of views.
SET VARIABLE pg_base = 'temp.main.pgc_';
SET VARIABLE pg_derived = 'temp.main.pgc_';
CREATE MACRO pgc.fixed.base(view) AS coalesce(getvariable('pg_base')::VARCHAR, 'pgc.now.') || view;
CREATE MACRO pgc.fixed.derived(view) AS coalesce(getvariable('pg_derived')::VARCHAR, 'pgc.now.') || view;

CREATE MACRO pgc.fixed.object_oid(kind, name) AS
    16384 + 4 * (md5_number_lower(kind || ' ' || name) % 536866816)::BIGINT;
CREATE MACRO pgc.fixed.relation_oid(nsp, rel) AS pgc.fixed.object_oid('relation', nsp || '.' || rel);
CREATE MACRO pgc.fixed.schema_oid(nsp) AS CASE nsp
    WHEN 'public' THEN 2200 WHEN 'pg_catalog' THEN 11 WHEN 'information_schema' THEN 13207
    ELSE pgc.fixed.object_oid('schema', nsp) END;

-- DuckDB's `main` is PostgreSQL's `public`; temporary objects live in a database of their own.
CREATE MACRO pgc.fixed.schema_name(db, sch) AS CASE
    WHEN db = 'temp' THEN 'pg_temp_1' WHEN sch = 'main' THEN 'public' ELSE sch END;
CREATE MACRO pgc.fixed.database_oid(db) AS CASE db WHEN 'tavana' THEN 16384 ELSE pgc.fixed.object_oid('database', db) END;
CREATE MACRO pgc.fixed.shown(db) AS db IN (system.main.current_database(), 'temp');

-- The database and the user as clients know them. The frontend sets the variables `pg_user`,
-- `pg_role`, `pg_settings` (a map) and `pg_backend` for each session; without it there are defaults.
CREATE OR REPLACE MACRO pgc.current_database() AS CASE system.main.current_database()
    WHEN $home$ THEN 'tavana' ELSE system.main.current_database() END;
CREATE OR REPLACE MACRO pgc.current_catalog() AS pgc.main.current_database();
CREATE OR REPLACE MACRO pgc.current_user() AS coalesce(getvariable('pg_user')::VARCHAR, 'tavana');
CREATE OR REPLACE MACRO pgc.session_user() AS pgc.main.current_user();
CREATE OR REPLACE MACRO pgc.user() AS pgc.main.current_user();
CREATE OR REPLACE MACRO pgc.current_role() AS pgc.main.current_user();
CREATE OR REPLACE MACRO pgc.current_schema() AS
    CASE system.main.current_schema() WHEN 'main' THEN 'public' ELSE system.main.current_schema() END;
CREATE OR REPLACE MACRO pgc.current_schemas(implicit) AS
    CASE WHEN implicit THEN ['pg_catalog', pgc.main.current_schema()] ELSE [pgc.main.current_schema()] END;
CREATE MACRO pgc.fixed.visible(nsp) AS nsp IN ('pg_catalog', 'pg_temp_1') OR nsp = pgc.main.current_schema();

CREATE OR REPLACE MACRO pgc.quote_ident(name) AS
    CASE WHEN regexp_full_match(name, '[a-z_][a-z0-9_$]*')
        AND NOT list_contains(string_split('all analyse analyze and any array as asc asymmetric authorization between bigint binary bit boolean both case cast char ' ||
            'character check coalesce collate collation column concurrently constraint create cross current_catalog current_date ' ||
            'current_role current_schema current_time current_timestamp current_user dec decimal default deferrable desc distinct do ' ||
            'else end except exists extract false fetch float for foreign freeze from full grant greatest group grouping having ilike ' ||
            'in initially inner inout int integer intersect interval into is isnull join lateral leading least left like limit ' ||
            'localtime localtimestamp national natural nchar none normalize not notnull null nullif numeric offset on only or order ' ||
            'out outer overlaps overlay placing position precision primary real references returning right row select session_user ' ||
            'setof similar smallint some substring symmetric table tablesample then time timestamp to trailing treat trim true union ' ||
            'unique user using values varchar variadic verbose when where window with', ' '), name)
    THEN name ELSE '"' || replace(name, '"', '""') || '"' END;
CREATE OR REPLACE MACRO pgc.quote_literal(value) AS CASE
    WHEN contains(value::VARCHAR, chr(92)) THEN 'E''' || replace(replace(value::VARCHAR, '''', ''''''), chr(92), chr(92) || chr(92)) || ''''
    ELSE '''' || replace(value::VARCHAR, '''', '''''') || '''' END;
CREATE OR REPLACE MACRO pgc.quote_nullable(value) AS coalesce(pgc.main.quote_literal(value), 'NULL');

-- The folded parts of a name as a client writes it: `Public."Big Table"` is ['public', 'Big Table'].
CREATE MACRO pgc.fixed.name_parts(written) AS CASE
    WHEN contains(written, '"') THEN list_transform(regexp_extract_all(written, '"(?:[^"]|"")+"|[^."]+'),
        lambda part: CASE WHEN part[1] = '"' THEN replace(part[2:-2], '""', '"') ELSE lower(part) END)
    ELSE string_split(lower(written), '.') END;

-- DuckDB's types as PostgreSQL's, by the words a type's name begins with. An enum's number comes from its
-- labels, because that is all that a column of DuckDB's tells of it.
CREATE TABLE pgc.fixed.kind(stem VARCHAR, element BIGINT, array_of BIGINT, length SMALLINT, label VARCHAR);
INSERT INTO pgc.fixed.kind VALUES
    ('VARCHAR', 25, 1009, -1, 'text'),
    ('INTEGER', 23, 1007, 4, 'integer'),
    ('BIGINT', 20, 1016, 8, 'bigint'),
    ('DOUBLE', 701, 1022, 8, 'double precision'),
    ('BOOLEAN', 16, 1000, 1, 'boolean'),
    ('DATE', 1082, 1182, 4, 'date'),
    ('TIMESTAMP', 1114, 1115, 8, 'timestamp without time zone'),
    ('TIMESTAMP WITH TIME ZONE', 1184, 1185, 8, 'timestamp with time zone'),
    ('DECIMAL', 1700, 1231, -1, 'numeric'),
    ('SMALLINT', 21, 1005, 2, 'smallint'),
    ('TINYINT', 21, 1005, 2, 'smallint'),
    ('UTINYINT', 21, 1005, 2, 'smallint'),
    ('USMALLINT', 23, 1007, 4, 'integer'),
    ('UINTEGER', 20, 1016, 8, 'bigint'),
    ('UBIGINT', 1700, 1231, -1, 'numeric'),
    ('HUGEINT', 1700, 1231, -1, 'numeric'),
    ('UHUGEINT', 1700, 1231, -1, 'numeric'),
    ('BIGNUM', 1700, 1231, -1, 'numeric'),
    ('FLOAT', 700, 1021, 4, 'real'),
    ('BLOB', 17, 1001, -1, 'bytea'),
    ('UUID', 2950, 2951, 16, 'uuid'),
    ('JSON', 114, 199, -1, 'json'),
    ('TIME', 1083, 1183, 8, 'time without time zone'),
    ('TIME WITH TIME ZONE', 1266, 1270, 12, 'time with time zone'),
    ('TIME_NS', 1083, 1183, 8, 'time without time zone'),
    ('INTERVAL', 1186, 1187, 16, 'interval'),
    ('BIT', 1562, 1563, -1, 'bit varying'),
    ('TIMESTAMP_S', 1114, 1115, 8, 'timestamp without time zone'),
    ('TIMESTAMP_MS', 1114, 1115, 8, 'timestamp without time zone'),
    ('TIMESTAMP_NS', 1114, 1115, 8, 'timestamp without time zone'),
    ('STRUCT', 114, 199, -1, 'json'),
    ('MAP', 114, 199, -1, 'json'),
    ('UNION', 114, 199, -1, 'json'),
    ('VARIANT', 114, 199, -1, 'json'),
    ('GEOMETRY', 17, 1001, -1, 'bytea'),
    ('NULL', 25, 1009, -1, 'text');
CREATE MACRO pgc.fixed.type_stem(kind) AS regexp_extract(kind, '^[A-Z_ ]+');
CREATE MACRO pgc.fixed.enum_oid(kind) AS CASE WHEN suffix(kind, ']')
    THEN pgc.fixed.object_oid('enum', regexp_replace(kind, '(\[[0-9]*\])+$', '')) + 1
    ELSE pgc.fixed.object_oid('enum', kind) END;
CREATE MACRO pgc.fixed.type_label(kind) AS coalesce(MAP {
    'VARCHAR': 'text', 'INTEGER': 'integer', 'BIGINT': 'bigint', 'DOUBLE': 'double precision', 'BOOLEAN': 'boolean',
    'DATE': 'date', 'TIMESTAMP': 'timestamp without time zone', 'TIMESTAMP WITH TIME ZONE': 'timestamp with time zone',
    'DECIMAL': 'numeric', 'SMALLINT': 'smallint', 'TINYINT': 'smallint', 'UTINYINT': 'smallint', 'USMALLINT': 'integer',
    'UINTEGER': 'bigint', 'UBIGINT': 'numeric', 'HUGEINT': 'numeric', 'UHUGEINT': 'numeric', 'BIGNUM': 'numeric',
    'FLOAT': 'real', 'BLOB': 'bytea', 'UUID': 'uuid', 'JSON': 'json', 'TIME': 'time without time zone',
    'TIME WITH TIME ZONE': 'time with time zone', 'TIME_NS': 'time without time zone', 'INTERVAL': 'interval',
    'BIT': 'bit varying', 'TIMESTAMP_S': 'timestamp without time zone', 'TIMESTAMP_MS': 'timestamp without time zone',
    'TIMESTAMP_NS': 'timestamp without time zone', 'STRUCT': 'json', 'MAP': 'json', 'UNION': 'json', 'VARIANT': 'json',
    'GEOMETRY': 'bytea', 'NULL': 'text'}[pgc.fixed.type_stem(kind)], 'text');
CREATE MACRO pgc.fixed.dimensions(kind) AS CASE
    WHEN suffix(kind, ']') THEN length(regexp_extract(kind, '(\[[0-9]*\])+$'))
        - length(replace(regexp_extract(kind, '(\[[0-9]*\])+$'), '[', '')) ELSE 0 END;
CREATE MACRO pgc.fixed.type_modifier(kind) AS CASE
    WHEN starts_with(kind, 'DECIMAL(')
    THEN regexp_extract(kind, '\((\d+)', 1)::INTEGER * 65536 + regexp_extract(kind, ',\s*(\d+)', 1)::INTEGER + 4
    ELSE -1 END;
-- The frontend declares `varchar(20)` as a text with a check of a form that nobody writes by hand: the length stands first.
CREATE MACRO pgc.fixed.length_mark(expression) AS
    regexp_extract(expression, '^\((\d+) >= (char|character)_length\(rtrim\(', ['length', 'kind']);
CREATE MACRO pgc.fixed.is_length_mark(expression) AS coalesce(pgc.fixed.length_mark(expression).kind <> '', false);
-- Expressions as PostgreSQL writes the few that tools look into.
CREATE MACRO pgc.fixed.expression(written, kind, type, enum_name) AS CASE
    WHEN regexp_full_match(written, '''([^'']|'''')*''') THEN written || '::' || CASE type WHEN 1043 THEN 'character varying'
        WHEN 1042 THEN 'bpchar' ELSE coalesce(enum_name, pgc.fixed.type_label(kind)) END || CASE WHEN suffix(kind, ']') THEN '[]' ELSE '' END
    ELSE regexp_replace(replace(replace(written, 'CAST(''t'' AS BOOLEAN)', 'true'), 'CAST(''f'' AS BOOLEAN)', 'false'),
        'nextval\(''([^'']*)''\)', 'nextval(''\1''::regclass)', 'g') END;
