"""psql 15: its backslash commands, its options, its ways to run statements, \\copy and COPY."""

import pytest

from harness.pg_programs import psql, rows
from harness.pg_wire import connect


@pytest.fixture(scope="module")
def shop(pg):
    """A schema that the backslash commands have something to say about."""
    with connect(pg) as wire:
        for sql in (
            "create schema shop",
            "create table shop.customers (id int primary key, name varchar(40) not null, born date)",
            "create table shop.orders (no bigint, total numeric(10,2) default 0, tags text[], doc json)",
            "create view shop.names as select id, name from shop.customers",
            "insert into shop.customers values (1, 'Ada', '1815-12-10'), (2, 'Bob', null)",
            "create table public_table (a int)",
            "create schema empty_one",
        ):
            wire.run(sql)
    yield
    with connect(pg) as wire:
        for sql in (
            "drop view shop.names",
            "drop table shop.orders",
            "drop table shop.customers",
            "drop schema shop",
            "drop schema empty_one",
            "drop table public_table",
        ):
            wire.run(sql)


SHOWN = {
    r"\d": ["public_table"],
    r"\d+": ["public_table"],
    r"\dt": ["public", "public_table", "table"],
    r"\dt shop.*": ["customers", "orders"],
    r"\dt+ shop.*": ["customers", "orders"],
    r"\dt *.cust*": ["customers"],
    r"\dv shop.*": ["names", "view"],
    r"\dtv shop.*": ["customers", "names"],
    r"\dn": ["public", "shop", "empty_one"],
    r"\dn+": ["public", "shop"],
    r"\dn sh*": ["shop"],
    r"\d shop.customers": [
        'Table "shop.customers"',
        "id|integer||not null|",
        "name|character varying(40)||not null|",
        "born|date|||",
    ],
    r"\d+ shop.customers": ["id|integer||not null|", "name|character varying(40)"],
    r"\d shop.orders": ["no|bigint", "total|numeric(10,2)|||0", "tags|text[]", "doc|json"],
    r"\d shop.names": ['View "shop.names"', "id|integer", "name|character varying(40)"],
    r"\d+ shop.names": ["id|integer", "View definition"],
    r"\d public_table": ['Table "public.public_table"', "a|integer"],
    r"\l": ["tavana", "UTF8"],
    r"\l+": ["tavana"],
    r"\l tav*": ["tavana"],
    r"\du": ["tavana"],
    r"\du+": ["tavana"],
    r"\dg": ["tavana"],
    r"\df now": ["now", "timestamp with time zone"],
    r"\df pg_catalog.abs": ["abs"],
    r"\dT int4": ["integer"],
    r"\dT+ text": ["text"],
    r"\conninfo": ["tavana"],
    r"\encoding": ["UTF8"],
    r"\dconfig timezone": ["TimeZone"],
}
# Nothing needs to be there, but the question must be answered.
ANSWERED = [
    *(r"\da", r"\da sum", r"\dA", r"\db", r"\dc", r"\dC", r"\dd", r"\dD", r"\ddp", r"\dE", r"\des"),
    *(r"\det", r"\deu", r"\dew", r"\df", r"\df+ now", r"\dF", r"\dFd", r"\dFp", r"\dFt", r"\di"),
    *(
        r"\di+",
        r"\dl",
        r"\dL",
        r"\dm",
        r"\do",
        r"\do +",
        r"\dO",
        r"\dp",
        r"\dp shop.*",
        r"\z",
        r"\dP",
    ),
    *(
        r"\drds",
        r"\dRp",
        r"\dRs",
        r"\ds",
        r"\ds+",
        r"\dS",
        r"\dtS",
        r"\dvS",
        r"\dT",
        r"\dx",
        r"\dx+",
    ),
    *(r"\dX", r"\dy", r"\sf now", r"\dAc", r"\dAf", r"\dAo", r"\dAp", r"\dconfig", r"\dtmvs+ *.*"),
    *(r"\d pg_class", r"\d+ pg_catalog.pg_type", r"\d information_schema.columns"),
]


@pytest.mark.parametrize("command", SHOWN)
def test_command_shows(pg, shop, command):
    done = psql(pg, "-A", "-c", command)
    assert done.returncode == 0 and not done.stderr, done.stderr
    missing = [text for text in SHOWN[command] if text not in done.stdout]
    assert not missing, done.stdout


@pytest.mark.parametrize("command", ANSWERED)
def test_command_is_answered(pg, shop, command):
    if pg.is_oracle and command == r"\sf now":
        pytest.skip("an internal function has no source that psql can show")
    done = psql(pg, "-A", "-c", command)
    assert "ERROR" not in done.stderr and "FATAL" not in done.stderr, done.stderr
    assert done.returncode == 0 or "Did not find any" in done.stderr, done.stderr


@pytest.mark.parametrize(
    "command", [r"\d", r"\dt", r"\dn", r"\l", r"\du", r"\df now", r"\d shop.customers"]
)
def test_the_query_behind_a_command_can_be_seen(pg, shop, command):
    done = psql(pg, "-E", "-c", command)
    assert done.returncode == 0 and "********* QUERY **********" in done.stdout, done.stderr


def test_what_is_not_there_is_not_found(pg):
    done = psql(pg, "-c", r"\d no_such_table")
    assert done.returncode == 1 and "Did not find any relation" in done.stderr


# Ways to run statements


def test_at_prints_bare_values(pg):
    assert rows(pg, "select 1, null, 'a b', true, 1.50") == "1||a b|t|1.50"
    assert rows(pg, "select 1 where false") == ""
    assert rows(pg, "select * from generate_series(1, 3)") == "1\n2\n3"


def test_aligned(pg):
    done = psql(pg, "-c", "select 1 as a, 'x' as b")
    assert done.stdout == " a | b \n---+---\n 1 | x\n(1 row)\n\n"


def test_several_commands_and_statements(pg):
    done = psql(pg, "-At", "-c", "select 1; select 2", "-c", "select 3")
    assert done.stdout == "1\n2\n3\n"


def test_one_transaction(pg, table):
    done = psql(pg, "-1", "-c", f"delete from {table}", "-c", "select 1/0")
    assert done.returncode == 1 and "division by zero" in done.stderr
    assert rows(pg, f"select count(*) from {table}") == "3"


def test_a_file(pg, table, tmp_path):
    script = tmp_path / "script.sql"
    script.write_text(
        f"\\set number 4\ninsert into {table} values (:number, 'vier');\n"
        f"select b from {table}\n  where a = :number; -- a comment\n"
        "select :'number' as x \\gset\n\\echo got :x\n"
    )
    done = psql(pg, "-At", "-f", script)
    assert done.stdout == "INSERT 0 1\nvier\ngot 4\n", done.stderr


@pytest.mark.parametrize("stop, printed, code", [("0", "1\n3\n", 0), ("1", "1\n", 3)])
def test_on_error_stop(pg, tmp_path, stop, printed, code):
    script = tmp_path / "script.sql"
    script.write_text("select 1;\nselect nope;\nselect 3;\n")
    done = psql(pg, "-At", "-v", f"ON_ERROR_STOP={stop}", "-f", script)
    assert (done.stdout, done.returncode) == (printed, code)
    assert "ERROR: " in done.stderr and '"nope"' in done.stderr
    assert "LINE 1: select nope;" in done.stderr and "       ^" in done.stderr


def test_errverbose(pg):
    done = psql(pg, stdin="select 1/0;\n\\errverbose\n")
    assert "ERROR:  22012: division by zero" in done.stdout + done.stderr


def test_verbose_errors_and_sqlstate(pg):
    done = psql(
        pg, stdin="\\set VERBOSITY verbose\nselect * from nope;\n\\echo :LAST_ERROR_SQLSTATE\n"
    )
    assert "42P01" in done.stderr and done.stdout == "42P01\n"


def test_timing(pg):
    done = psql(pg, "-At", stdin="\\timing on\nselect 1;\n")
    assert "Time: " in done.stdout and " ms" in done.stdout


def test_watch(pg):
    """psql 15 has no count: the third run divides by zero, which ends it."""
    done = psql(
        pg,
        "-At",
        stdin="create temp table w (a int);\n"
        "with n as (select count(*) as c from w) select 1 / (2 - c) from n \\; insert into w values (1) \\watch 0.1\n",
        seconds=20,
    )
    assert "division by zero" in done.stderr
    assert done.stdout.count("INSERT 0 1") == 2


def test_gdesc(pg):
    done = psql(
        pg,
        "-At",
        stdin="select 1 as a, 'x'::varchar(3) as b, now() as c, 1.5::numeric(4,2) as d \\gdesc\n",
    )
    assert done.stdout.splitlines() == [
        "a|integer",
        "b|character varying(3)",
        "c|timestamp with time zone",
        "d|numeric(4,2)",
    ]


def test_gexec_gx_crosstab(pg):
    done = psql(
        pg,
        "-At",
        stdin="select 'select ' || i from generate_series(1, 2) i \\gexec\nselect 5 as five \\gx\n",
    )
    assert done.stdout == "1\n2\nfive|5\n"
    done = psql(
        pg, "-At", stdin="select * from (values ('a','x',1),('b','y',2)) t(r,c,v) \\crosstabview\n"
    )
    assert done.stdout == "a|1|\nb||2\n", done.stderr


@pytest.mark.parametrize("count", ["0", "1", "2", "3", "100", "1000"])
def test_fetch_count_uses_cursors(pg, count):
    done = psql(
        pg,
        "-At",
        "-v",
        f"FETCH_COUNT={count}",
        stdin="select i from generate_series(1, 1003) i order by 1;\n",
    )
    assert done.stdout.splitlines() == [str(i) for i in range(1, 1004)], done.stderr


def test_fetch_count_in_a_transaction(pg):
    done = psql(
        pg,
        "-At",
        "-v",
        "FETCH_COUNT=2",
        stdin="begin;\nselect i from generate_series(1, 5) i order by 1;\nselect 7;\ncommit;\n",
    )
    assert done.stdout.splitlines() == ["BEGIN", "1", "2", "3", "4", "5", "7", "COMMIT"], (
        done.stderr
    )


def test_on_error_rollback_uses_savepoints(pg, table):
    """With DuckDB a failed statement cannot be undone alone; what must hold is that none is half done."""
    done = psql(
        pg,
        "-At",
        "-v",
        "ON_ERROR_ROLLBACK=on",
        stdin=f"begin;\nselect a from {table} order by a;\ncommit;\n",
    )
    assert done.stdout.splitlines() == ["BEGIN", "1", "2", "3", "COMMIT"], done.stderr


def test_prompt_state_and_variables(pg):
    done = psql(
        pg,
        stdin="\\echo :DBNAME :USER :ENCODING\nselect 1 as a \\gset\n\\echo :a :ROW_COUNT :ERROR\n",
    )
    assert done.stdout == "tavana tavana UTF8\n1 1 false\n"
    done = psql(pg, stdin="select * from generate_series(1,4);\n\\echo rows :ROW_COUNT\n")
    assert "rows 4" in done.stdout


def test_formats(pg):
    for option, expected in {"--csv": 'a,b\n1,"x,y"\n', "-H": "<td", "-x": "-[ RECORD 1 ]"}.items():
        done = psql(pg, option, "-c", "select 1 as a, 'x,y' as b")
        assert expected in done.stdout


def test_cursors_by_hand(pg):
    done = psql(
        pg,
        "-At",
        stdin="begin;\ndeclare c cursor for select i from generate_series(1, 5) i order by 1;\nfetch 2 from c;\n"
        "move 1 in c;\nfetch next from c;\nfetch all c;\nfetch c;\nclose c;\ncommit;\n",
    )
    assert (
        done.stdout.split() == "BEGIN DECLARE CURSOR 1 2 MOVE 1 4 5 CLOSE CURSOR COMMIT".split()
    ), done.stderr


def test_a_cursor_with_hold_outlives_its_transaction(pg):
    done = psql(
        pg,
        "-At",
        stdin="begin;\ndeclare c cursor with hold for select i from generate_series(1, 3) i order by 1;\n"
        "fetch 1 from c;\ncommit;\nfetch all from c;\nclose c;\n",
    )
    assert done.stdout.split() == "BEGIN DECLARE CURSOR 1 COMMIT 2 3 CLOSE CURSOR".split(), (
        done.stderr
    )


def test_prepare_and_execute(pg):
    done = psql(
        pg,
        "-At",
        stdin="prepare p (int, text) as select $1 + 1, $2;\nexecute p (41, 'x');\ndeallocate p;\nexecute p (1, 'y');\n",
    )
    assert done.stdout.splitlines() == ["PREPARE", "42|x", "DEALLOCATE"]
    assert 'prepared statement "p" does not exist' in done.stderr


def test_connect_again_and_elsewhere(pg):
    done = psql(pg, "-At", stdin="\\c\nselect 1;\n\\c no_such_database\nselect 2;\n")
    assert "1" in done.stdout and 'database "no_such_database" does not exist' in done.stderr


# COPY


CSV = 'a,b\n1,one\n2,\n3,"th""r,ee"\n4,""\n'


def test_copy_to_stdout(pg, table):
    assert (
        rows(pg, f"copy (select * from {table} order by a) to stdout") == "1\tone\n2\t\\N\n3\tthree"
    )
    assert (
        rows(pg, f"copy (select * from {table} order by a) to stdout csv header")
        == "a,b\n1,one\n2,\n3,three"
    )
    assert (
        rows(
            pg,
            f"copy (select * from {table} order by a) to stdout (format csv, delimiter ';', null 'NULL', force_quote (b))",
        )
        == '1;"one"\n2;NULL\n3;"three"'
    )
    assert (
        rows(pg, f"copy (select b, a from {table} order by a limit 1) to stdout with csv")
        == "one,1"
    )
    assert (
        rows(
            pg,
            r"copy (select E'a\tb\n\\c' as x, 1.5 as y, array[1,null] as z, true as t) to stdout",
        )
        == "a\\tb\\n\\\\c\t1.5\t{1,NULL}\tt"
    )


def test_copy_from_stdin(pg, table):
    done = psql(pg, "-q", "-c", f"copy {table} from stdin csv header", stdin=CSV)
    assert done.returncode == 0, done.stderr
    found = rows(pg, f"select a, b is null, b from {table} order by a, b")
    assert found.splitlines() == [
        "1|f|one",
        "1|f|one",
        "2|t|",
        "2|t|",
        '3|f|th"r,ee',
        "3|f|three",
        "4|f|",
    ]


TEXT = "5\tfünf\n6\t\\N\n7\ta\\tb\\nc\\\\d\n8\t\n"


def test_backslash_copy_in_and_out(pg, table, tmp_path):
    source, target = tmp_path / "in.txt", tmp_path / "out.txt"
    source.write_text(TEXT)
    done = psql(
        pg,
        "-c",
        f"\\copy {table} from '{source}'",
        "-c",
        f"\\copy (select * from {table} where a > 4 order by a) to '{target}'",
    )
    assert done.stdout == "COPY 4\nCOPY 4\n", done.stderr
    assert target.read_text() == TEXT


@pytest.mark.parametrize("form", ["text", "csv", "binary"])
def test_copy_there_and_back(pg, name, tmp_path, form):
    """What was copied out and in again is the same, in every format."""
    columns = (
        "a smallint, b int, c bigint, d real, e double precision, f numeric(12,3), g text, h boolean,"
        " i date, j timestamp, k timestamptz, l interval, m bytea, n uuid, o int[], p text[], q json"
    )
    file = tmp_path / "data"
    script = f"""
        create table {name} ({columns});
        insert into {name} values (1, -2, 3000000000, 1.5, -0.1, -123456.789, E'x\\ty"z,\\\\n', true,
            '2024-02-29', '2024-02-29 12:34:56.789', '2024-02-29 12:34:56+02', '1 year 2 days 03:04:05',
            '\\xdeadbeef', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{{1,NULL,3}}', '{{"a b",c}}', '{{"k": [1]}}');
        insert into {name} (b) values (null);
        insert into {name} (d, e, g) values ('NaN', '-Infinity', '');
        create table {name}_2 ({columns});
        \\copy {name} to '{file}' (format {form})
        \\copy {name}_2 from '{file}' (format {form})
        \\pset null NULL
        \\o {tmp_path}/one
        select * from {name} order by b, d;
        \\o {tmp_path}/two
        select * from {name}_2 order by b, d;
        \\o
        drop table {name};
        drop table {name}_2;
    """
    done = psql(pg, "-v", "ON_ERROR_STOP=1", stdin=script)
    assert done.returncode == 0, done.stderr
    one, two = (tmp_path / "one").read_text(), (tmp_path / "two").read_text()
    assert one == two and "(3 rows)" in one


def test_binary_copy_is_postgresqls(pg):
    done = psql(
        pg,
        "-c",
        "copy (select 1::int, null::text, 'ä'::text, true) to stdout (format binary)",
        stdin=b"",
    )
    head = b"PGCOPY\n\xff\r\n\0" + bytes(8)
    row = b"\0\4" + b"\0\0\0\4\0\0\0\1" + b"\xff\xff\xff\xff" + b"\0\0\0\2\xc3\xa4" + b"\0\0\0\1\1"
    assert done.stdout == head + row + b"\xff\xff"


BAD_COPIES = {
    "text that is no number": ("", "x\ty\n", "22P02"),
    "too few columns": ("", "1\n", "22P04"),
    "too many columns": ("", "1\tx\ty\n", "22P04"),
    "csv with an open quote": ("csv", '1,"x\n', "22P04"),
    "binary that is none": ("(format binary)", "nothing binary", "22P04"),
}


@pytest.mark.parametrize("label", BAD_COPIES)
def test_a_bad_copy_copies_nothing(pg, table, label):
    options, data, state = BAD_COPIES[label]
    script = f"\\set VERBOSITY sqlstate\ncopy {table} from stdin {options};\n{data}\\.\n"
    good = "9\tgood\n" if not options else ""
    done = psql(pg, stdin=script.replace(";\n", ";\n" + good, 1))
    assert state in done.stderr, done.stderr
    assert rows(pg, f"select count(*) from {table}") == "3"


def test_copy_columns_and_defaults(pg, name):
    with connect(pg) as wire:
        wire.run(f"create table {name} (a int, b text default 'none', c int)")
    done = psql(
        pg,
        "-c",
        f"copy {name} (c, a) from stdin (format csv, delimiter '|', null 'x')",
        stdin="1|2\nx|4\n",
    )
    assert done.returncode == 0, done.stderr
    assert rows(pg, f"select a, b, c from {name} order by a") == "2|none|1\n4|none|"
    with connect(pg) as wire:
        wire.run(f"drop table {name}")


def test_a_lot_of_rows_both_ways(pg, name, tmp_path):
    file = tmp_path / "many.csv"
    script = f"""
        \\copy (select i, i * 2.5 as d, 'row ' || i as t from generate_series(1, 200000) i) to '{file}' csv
        create table {name} (i int, d numeric, t text);
        \\copy {name} from '{file}' csv
        select count(*), sum(i), min(t), max(d) from {name};
        drop table {name};
    """
    done = psql(pg, "-Atq", "-v", "ON_ERROR_STOP=1", stdin=script, seconds=110)
    assert done.stdout == "200000|20000100000|row 1|500000.0\n", done.stderr
