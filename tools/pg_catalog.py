#!/usr/bin/env python3
"""Takes the fixed part of pg_catalog from a real PostgreSQL.

Clients of PostgreSQL read pg_type, pg_proc, pg_operator and the like to learn what the
server can do, and they read them by the numbers and names PostgreSQL gave them. Those rows
are the same in every PostgreSQL of one major version, so they are taken once, from a fresh
cluster of version 15, and kept in two files beside the worker's sources:

    worker/src/pg_catalog/fixed.sql   tables: those with rows in the schema `fixed`, and an
                                      empty one in `main` for every catalog or view that
                                      has no rows of its own on DuckDB
    worker/src/pg_catalog/fixed.tsv   the rows: `== table column...`, then one line a row

and the types of the catalogs' columns for the frontend, pg-frontend/src/translate/catalog_columns.txt.

The views in catalog.sql and information_schema.sql are written by hand over these and over
DuckDB's own functions. Usage, with psql on the PATH and a superuser's connection string:

    tools/pg_catalog.py postgresql://postgres@127.0.0.1/postgres
    tools/pg_catalog.py --names         only names.txt, from the SQL files
"""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDER = ROOT / "worker/src/pg_catalog"
COLUMNS = ROOT / "pg-frontend/src/translate/catalog_columns.txt"
HAND_WRITTEN = [
    "identity.sql",
    "functions.sql",
    "session.sql",
    "catalog.sql",
    "statistics.sql",
    "information_schema.sql",
]

# How DuckDB holds a column of a catalog. Whatever is not named here is text.
TYPES = {
    "oid": "BIGINT",
    "regproc": "BIGINT",
    "xid": "BIGINT",
    "bool": "BOOLEAN",
    "int2": "SMALLINT",
    "int4": "INTEGER",
    "int8": "BIGINT",
    "float4": "FLOAT",
    "float8": "DOUBLE",
    "timestamptz": "TIMESTAMPTZ",
    "interval": "INTERVAL",
    "bytea": "BLOB",
    "int2vector": "SMALLINT[]",
    "oidvector": "BIGINT[]",
    "_oid": "BIGINT[]",
    "_int2": "SMALLINT[]",
    "_float4": "FLOAT[]",
    "_text": "VARCHAR[]",
    "_char": "VARCHAR[]",
    "_name": "VARCHAR[]",
    "_aclitem": "VARCHAR[]",
    "_regtype": "VARCHAR[]",
    "cardinal_number": "INTEGER",
    "time_stamp": "TIMESTAMPTZ",
}

# Types that belong to a relation are left out: a relation's row type is derived from it.
OWN_TYPE = """typrelid = 0 and not exists (
    select from pg_type e where e.oid = pg_type.typelem and e.typrelid <> 0)
    and typnamespace in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)"""
RELATIONS = "relnamespace in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace) and relkind in ('r', 'v')"

# Table -> the rows to keep. Two of them get columns that only functions of ours read.
ROWS = {
    "pg_aggregate": "true",
    "pg_am": "true",
    "pg_amop": "true",
    "pg_amproc": "true",
    "pg_attribute": f"attnum > 0 and attrelid in (select oid from pg_class where {RELATIONS})",
    "pg_cast": "true",
    "pg_class": RELATIONS,
    "pg_collation": "collprovider <> 'i' and (oid < 16384 and collencoding in (-1, 6))",
    "pg_conversion": "true",
    "pg_description": """objsubid = 0 and classoid in ('pg_type'::regclass, 'pg_proc'::regclass, 'pg_operator'::regclass,
        'pg_am'::regclass, 'pg_language'::regclass, 'pg_namespace'::regclass, 'pg_collation'::regclass,
        'pg_ts_config'::regclass, 'pg_ts_dict'::regclass, 'pg_ts_parser'::regclass, 'pg_ts_template'::regclass)
        and description !~ '^(implementation of|I/O|internal conversion|aggregate transition|aggregate final)'""",
    "pg_language": "oid < 12500",
    "pg_namespace": "nspname in ('pg_catalog', 'information_schema', 'pg_toast')",
    "pg_opclass": "true",
    "pg_operator": "true",
    "pg_opfamily": "true",
    "pg_proc": "pronamespace in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)",
    "pg_range": "true",
    "pg_roles": "true",
    "pg_settings": """name !~ '(_file|_directory|_directories|_command|_path)$' and name not in ('port', 'application_name', 'listen_addresses')
        or name = 'search_path'""",
    "pg_shdescription": "classoid = 'pg_database'::regclass",
    "pg_tablespace": "true",
    "pg_ts_config": "true",
    "pg_ts_config_map": "true",
    "pg_ts_dict": "true",
    "pg_ts_parser": "true",
    "pg_ts_template": "true",
    "pg_type": OWN_TYPE,
    "information_schema.character_sets": "true",
    "information_schema.sql_features": "feature_id like 'F%' and sub_feature_id = ''",
    "information_schema.sql_implementation_info": "true",
    "information_schema.sql_sizing": "true",
}
# Functions that return rows: table in `fixed` -> (columns, query).
SETS = {
    "token_type": (
        "tokid alias description",
        "select tokid, alias, description from ts_token_type('default')",
    ),
    "keyword": ("word catcode barelabel catdesc baredesc", "select * from pg_get_keywords()"),
}
VIEWS = {"pg_roles", "pg_settings"}
KEPT_EMPTY = {  # columns no client reads and that would only make the file longer
    "pg_proc": {"probin", "prosqlbody", "proacl", "protrftypes", "prosupport", "proargdefaults"},
    "pg_class": {
        "relacl",
        "relfilenode",
        "relpages",
        "reltuples",
        "relallvisible",
        "relfrozenxid",
        "relminmxid",
    },
    "pg_type": {"typdefaultbin", "typacl"},
    "pg_attribute": {"attacl", "attmissingval"},
    "pg_settings": {"sourcefile", "sourceline", "extra_desc"},
    "pg_namespace": {"nspacl"},
    "pg_language": {"lanacl"},
}
MORE = {
    "pg_proc": {
        # Each only where it says more than the one after it.
        "arguments": "nullif(pg_get_function_arguments(oid), oidvectortypes(proargtypes))",
        "identity_arguments": "nullif(pg_get_function_identity_arguments(oid), pg_get_function_arguments(oid))",
        "result": "nullif(pg_get_function_result(oid), format_type(prorettype, null))",
        "signature": "nullif(oidvectortypes(proargtypes), '')",
    },
    "pg_settings": {"shown": "regexp_replace(current_setting(name), ' [(]Debian.*', '')"},
    "pg_type": {"formatted": "format_type(oid, null)"},
}


def ask(dsn, query):
    """The rows of a query in PostgreSQL's COPY text format, one string a row."""
    command = ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", dsn, "-c", f"copy ({query}) to stdout"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


def relations(dsn):
    """{relation: [(column, PostgreSQL type)]} of every catalog and view; those of information_schema with it."""
    found = {}
    for line in ask(
        dsn,
        f"""
        select case n.nspname when 'pg_catalog' then c.relname else n.nspname || '.' || c.relname end,
               a.attname, t.typname
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
        join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        join pg_type t on t.oid = a.atttypid where {RELATIONS} order by 1, a.attnum""",
    ):
        relation, column, kind = line.split("\t")
        found.setdefault(relation, []).append((column, kind))
    return found


def sql_name(relation):
    """information_schema cannot be made in a DuckDB database, so its views carry it in their names."""
    return relation.replace("information_schema.", "information_schema_")


def value(table, column, kind):
    """The expression that reads one column in a form DuckDB casts from text."""
    if column in KEPT_EMPTY.get(table, ()):
        return {"oid": "0", "int4": "0", "float4": "-1"}.get(kind, "null")
    if table == "pg_settings" and kind == "text":
        return f"regexp_replace({column}, ' [(]Debian.*', '')"
    if column == "prosrc":
        return "nullif(translate(prosrc, E'\\n\\t\\\\', '  /'), proname)"
    if kind == "regproc":
        return f"{column}::oid"
    if kind in ("int2vector", "oidvector"):
        return f"'[' || replace({column}::text, ' ', ',') || ']'"
    if kind == "xid":
        return "0"
    if kind.startswith("_"):
        return f"'[' || array_to_string({column}, ',') || ']'"
    if kind in ("name", "text", "varchar"):
        return f"translate({column}::text, E'\\n\\t\\\\', '  /')"
    return f"{column}::text"


def write_rows(dsn, columns):
    lines = []
    for table, condition in ROWS.items():
        picked = {name: value(table, name, kind) for name, kind in columns[table]}
        picked |= MORE.get(table, {})
        lines.append("== " + sql_name(table) + "\t" + "\t".join(picked))
        # In the order in which PostgreSQL gives them: clients that take the first of several rely on it.
        order = "1, 2" if table in VIEWS or "." in table else "ctid"
        query = (
            f"select {', '.join(picked.values())} from {table} where {condition} order by {order}"
        )
        lines += ask(dsn, query.replace("\n", " "))
    for table, (names, query) in SETS.items():
        lines.append("== " + "\t".join([table, *names.split()]))
        lines += ask(dsn, query)
    (FOLDER / "fixed.tsv").write_text("\n".join(lines) + "\n")


def write_tables(dsn, columns, written):
    # PostgreSQL's tables have hidden columns, and clients ask for two of them: `tableoid` where comments of several
    # catalogs are joined, `xmin` to see what changed. DuckDB has no hidden columns, so there they stand at the end.
    kept = ask(
        dsn,
        "select relname, oid from pg_class where relkind = 'r' and relnamespace = 'pg_catalog'::regnamespace",
    )
    tables = dict(line.split("\t") for line in kept)
    out = [
        "-- Made by tools/pg_catalog.py from PostgreSQL 15; do not edit.",
        "CREATE SCHEMA pgc.fixed;",
    ]
    for relation, listed in columns.items():
        name = sql_name(relation)
        fields = [f'"{column}" {TYPES.get(kind, "VARCHAR")}' for column, kind in listed]
        if relation in ROWS:
            fields += [f"{column} VARCHAR" for column in MORE.get(relation, {})]
            out.append(f"CREATE TABLE pgc.fixed.{name}({', '.join(fields)});")
        if name in written:
            continue
        if relation in ROWS:
            picked = ", ".join(f'"{column}"' for column, _ in listed)
            hidden = (
                f", {tables[relation]}::BIGINT AS tableoid, 1::BIGINT AS xmin"
                if relation in tables
                else ""
            )
            out.append(f"CREATE VIEW pgc.{name} AS SELECT {picked}{hidden} FROM pgc.fixed.{name};")
        else:
            fields += ["tableoid BIGINT", "xmin BIGINT"] if relation in tables else []
            out.append(f"CREATE TABLE pgc.{name}({', '.join(fields)});")
    for table, (names, _) in SETS.items():
        out.append(
            f"CREATE TABLE pgc.fixed.{table}({', '.join(name + ' VARCHAR' for name in names.split())});"
        )
    (FOLDER / "fixed.sql").write_text("\n".join(out) + "\n")


# Types that a column has in DuckDB too; for all others the frontend must know what the client expects.
PLAIN = """'bool', 'int2', 'int4', 'int8', 'float4', 'float8', 'numeric', 'text', 'timestamptz', 'interval', 'bytea',
    '_text', '_int2', '_float4', '_float8', '_bool'"""


def write_columns(dsn):
    """The types of columns, where every catalog or view that has one of the name gives it the same."""
    query = f"""
        select n.nspname, a.attname, min(b.oid)::text, min(coalesce(nullif(t.typtypmod, -1), a.atttypmod))
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
        join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 join pg_type t on t.oid = a.atttypid
        join pg_type b on b.oid = case t.typtype when 'd' then t.typbasetype else t.oid end where {RELATIONS}
        group by 1, 2 having count(distinct b.oid) = 1 and min(b.typname) not in ({PLAIN}) order by 1, 2"""
    lines = ["pg_catalog\ttableoid\t26\t-1", *ask(dsn, query.replace("\n", " "))]
    COLUMNS.write_text("\n".join(sorted(lines)) + "\n")


def made(kind):
    """Names that the hand-written files make in pgc's main schema: VIEW or MACRO."""
    names = set()
    for file in HAND_WRITTEN:
        path = FOLDER / file
        text = path.read_text() if path.exists() else ""
        names |= set(
            re.findall(
                rf'^CREATE (?:OR REPLACE )?{kind} pgc\."?([^\s.("]+)"?(?=[\s(])', text, re.MULTILINE
            )
        )
    return names


def write_names():
    """names.txt: the relations and the functions that this catalog answers for, for those who qualify bare names."""
    fixed = (FOLDER / "fixed.sql").read_text()
    tables = made("VIEW") | set(
        re.findall(r"^CREATE (?:TABLE|VIEW) pgc\.([a-z0-9_]+)[ (]", fixed, re.MULTILINE)
    )
    lines = [f"relation {name}" for name in sorted(tables)] + [
        f"function {name}" for name in sorted(made("MACRO"))
    ]
    (FOLDER / "names.txt").write_text("\n".join(lines) + "\n")


def main(arguments):
    if arguments == ["--names"]:
        write_names()
        return 0
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    columns = relations(arguments[0])
    write_rows(arguments[0], columns)
    write_tables(arguments[0], columns, made("VIEW"))
    write_columns(arguments[0])
    write_names()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
