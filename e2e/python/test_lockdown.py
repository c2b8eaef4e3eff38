"""What SQL may not reach on a server with users: files, settings, other people's SQL, secrets.

Every attempt is refused, and the canary that lies outside is in no answer.
"""

import json
from contextlib import ExitStack
from pathlib import Path

import duckdb
import pytest

from harness import adbc, secured
from harness.failures import ERRORS, failure_of, refused

CANARY = "canary-7f3a"
CODES = ("PERMISSION_DENIED", "INVALID_ARGUMENT", "UNIMPLEMENTED", "NOT_FOUND")


@pytest.fixture(scope="session")
def outside(tmp_path_factory, allowed_dir):
    """Files that no user may read, and the ways that lead to them."""
    directory = tmp_path_factory.mktemp("outside")
    (directory / "secret.csv").write_text(f"word\n{CANARY}\n")
    (directory / "secret.json").write_text(json.dumps({"word": CANARY}))
    (directory / "schema.sql").write_text(f"create table imported as select '{CANARY}' as word;")
    (directory / "load.sql").write_text("")
    with duckdb.connect(str(directory / "secret.duckdb")) as database:
        database.execute(f"create table words as select '{CANARY}' as word")
        database.execute(f"copy words to '{directory}/secret.parquet'")
    (allowed_dir / "open.csv").write_text("word\nhello\n")
    (allowed_dir / "link.csv").symlink_to(directory / "secret.csv")
    (allowed_dir / "link").symlink_to(directory)
    return directory


@pytest.fixture(scope="session")
def people(secured_server):
    """Name → connection of each user, logged in once for all the attempts."""
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(adbc.login(secured_server, name))
            for name in ("ada", "uli", "vera")
        }


READS = {
    "read_csv": "from read_csv('{out}/secret.csv')",
    "read_csv_auto": "from read_csv_auto('{out}/secret.csv')",
    "a bare file name": "from '{out}/secret.csv'",
    "read_parquet": "from read_parquet('{out}/secret.parquet')",
    "parquet_scan": "from parquet_scan('{out}/secret.parquet')",
    "parquet_metadata": "from parquet_metadata('{out}/secret.parquet')",
    "parquet_schema": "from parquet_schema('{out}/secret.parquet')",
    "parquet_kv_metadata": "from parquet_kv_metadata('{out}/secret.parquet')",
    "read_json": "from read_json('{out}/secret.json')",
    "read_ndjson_objects": "from read_ndjson_objects('{out}/secret.json')",
    "read_text": "from read_text('{out}/secret.csv')",
    "read_blob": "from read_blob('{out}/secret.csv')",
    "read_text of several": "from read_text(['{open}/open.csv', '{out}/secret.csv'])",
    "read_duckdb": "from read_duckdb('{out}/secret.duckdb')",
    "sniff_csv": "from sniff_csv('{out}/secret.csv')",
    "a file url": "from read_text('file://{out}/secret.csv')",
    "dots": "from read_text('{open}/../' || '{outname}/secret.csv')",
    "a symlink to a file": "from read_csv('{open}/link.csv')",
    "a symlink to a directory": "from read_csv('{open}/link/secret.csv')",
    "a glob through a symlink": "from read_csv('{open}/link/*.csv')",
    "a system file": "from read_text('/etc/passwd')",
    "the process's environment": "from read_text('/proc/self/environ')",
    "the root by /proc": "from read_text('/proc/self/root{out}/secret.csv')",
    "in a subquery": "select (select word from read_csv('{out}/secret.csv'))",
    "in a cte": "with w as (from read_csv('{out}/secret.csv')) from w",
    "in a lateral join": "select * from range(1) t(i), lateral (from read_csv('{out}/secret.csv'))",
    "in a values list": "values ((select word from '{out}/secret.csv'))",
    "in explain analyze": "explain analyze select * from '{out}/secret.csv'",
    "in describe": "describe from '{out}/secret.csv'",
    "in summarize": "summarize '{out}/secret.csv'",
    "in a pivot": "pivot '{out}/secret.csv' on word",
    "behind another statement": "select 1; from '{out}/secret.csv'",
    "copied in": "create or replace table {t}(w varchar); copy {t} from '{out}/secret.csv'; from {t}",
    "created from": "create or replace table {t} as from '{out}/secret.csv'; from {t}",
    "through a view": "create or replace view {t}_v as from '{out}/secret.csv'; from {t}_v",
    "through a macro": "create or replace macro {t}_m() as table from read_csv('{out}/secret.csv'); from {t}_m()",
    "through a scalar macro": "create or replace macro {t}_s(f) as (select content from read_text(f)); "
    "select {t}_s('{out}/secret.csv')",
    "through prepare": "prepare {t}_p as from read_text('{out}/secret.csv'); execute {t}_p",
    "through a variable": "set variable f = '{out}/secret.csv'; from read_text(getvariable('f'))",
    "attach": "attach '{out}/secret.duckdb' as {t}_a (read_only); from {t}_a.words",
    "import": "import database '{out}'; from imported",
    "query()": "from query('from read_csv(''{out}/secret.csv'')')",
    "query_table()": "from query_table('{out}/secret' || '.csv')",
    "a serialized statement": "from json_execute_serialized_sql(json_serialize_sql("
    "'select * from read_csv(''{out}/secret.csv'')'))",
}
# These fail on any DuckDB here, for want of a network; what counts is that they are not even tried.
REMOTE = {
    "an http address": "from read_csv('http://127.0.0.1:1/x.csv')",
    "an s3 address": "from read_parquet('s3://bucket/x.parquet')",
    "a hugging face address": "from 'hf://datasets/x/y.csv'",
}


@pytest.mark.parametrize("attempt", READS.values(), ids=READS)
def test_without_a_lock_the_attempt_succeeds(outside, allowed_dir, attempt):
    """Else its refusal by the server would show nothing."""
    with duckdb.connect() as open_to_all:
        open_to_all.execute(
            attempt.format(out=outside, outname=outside.name, open=allowed_dir, t="t")
        ).fetchall()


@pytest.mark.parametrize("user", ["uli", "ada"])
@pytest.mark.parametrize("attempt", (READS | REMOTE).values(), ids=READS | REMOTE)
def test_no_file_outside_is_read(people, outside, allowed_dir, name, attempt, user):
    sql = attempt.format(out=outside, outname=outside.name, open=allowed_dir, t=name)
    with refused(*CODES) as failure:
        answer = adbc.rows(people[user], sql)
        assert CANARY not in str(answer)
    assert CANARY not in failure.message


@pytest.mark.parametrize(
    "pattern", ["/etc/*", "{out}/*", "{open}/link/*", "{open}/../*", "/proc/self/*"]
)
def test_glob_does_not_tell_what_is_outside(secured_server, outside, allowed_dir, pattern):
    """`glob` of a forbidden place may be refused or find nothing; DuckDB filters its matches."""
    with adbc.login(secured_server, "uli") as con:
        try:
            found = adbc.rows(con, f"from glob('{pattern.format(out=outside, open=allowed_dir)}')")
        except ERRORS as error:
            assert failure_of(error).code in CODES
        else:
            assert found == []


WRITES = {
    "copy to a file": "copy (select 1) to '{out}/made.csv'",
    "copy to parquet": "copy (select 1) to '{out}/made.parquet' (format parquet)",
    "copy through dots": "copy (select 1) to '{open}/../{outname}/made.csv'",
    "copy through a symlink": "copy (select 1) to '{open}/link/made.csv'",
    "copy in partitions": "copy (select 1 as p, 2 as v) to '{out}/made' (format parquet, partition_by (p))",
    "export": "export database '{out}/made'",
    "attach a new file": "attach '{out}/made.duckdb'",
    "to STDOUT": "copy (select 'junk') to stdout",
    "to /dev/stdout": "copy (select 'junk') to '/dev/stdout'",
    "to /dev/stdout with a format": "copy (select 'junk') to '/dev/stdout' (format csv)",
    "to /dev/stderr": "copy (select 'junk') to '/dev/stderr'",
    "to /dev/fd": "copy (select 'junk') to '/dev/fd/1'",
    "to /proc": "copy (select 'junk') to '/proc/self/fd/1'",
}


@pytest.mark.parametrize("user", ["uli", "ada"])
@pytest.mark.parametrize("attempt", WRITES.values(), ids=WRITES)
def test_no_file_outside_is_written(secured_server, people, outside, allowed_dir, attempt, user):
    before = sorted(path.name for path in outside.iterdir())
    with refused(*CODES):
        adbc.run(people[user], attempt.format(out=outside, outname=outside.name, open=allowed_dir))
    assert sorted(path.name for path in outside.iterdir()) == before
    assert not any("junk" in line for program in secured_server.programs for line in program.stdout)


@pytest.mark.parametrize(
    "target", ["stdout", "'/dev/stdout'", "'/dev/fd/1'", "'/dev/stderr'", "'/proc/self/fd/2'"]
)
def test_even_without_users_nobody_writes_onto_the_servers_own_output(server, con, target):
    with refused(*CODES):
        adbc.run(con, f"copy (select 'junk') to {target}")
    assert not any("junk" in line for program in server.programs for line in program.stdout)


def test_the_allowed_directory_is_read_and_written(secured_server, outside, allowed_dir, name):
    with adbc.login(secured_server, "uli") as con:
        assert adbc.rows(con, f"from '{allowed_dir}/open.csv'") == [("hello",)]
        adbc.run(con, f"copy (select 42 as a) to '{allowed_dir}/{name}.parquet'")
        assert adbc.rows(con, f"from '{allowed_dir}/{name}.parquet'") == [(42,)]


SETTINGS = [
    "memory_limit = '1TB'",
    "max_memory = '1TB'",
    "threads = 1",
    "worker_threads = 1",
    "temp_directory = '/tmp'",
    "max_temp_directory_size = '1TB'",
    "allowed_directories = ['/']",
    "allowed_paths = ['/etc/passwd']",
    "enable_external_access = true",
    "lock_configuration = false",
    "allow_unsigned_extensions = true",
    "allow_community_extensions = true",
    "autoinstall_known_extensions = true",
    "autoload_known_extensions = true",
    "custom_extension_repository = 'http://127.0.0.1:1'",
    "extension_directory = '/tmp'",
    "home_directory = '/'",
    "secret_directory = '/tmp'",
    "allow_persistent_secrets = true",
    "default_secret_storage = 'local_file'",
    "log_query_path = '/tmp/log'",
    "enable_logging = true",
    "logging_level = 'trace'",
    "profiling_output = '/tmp/profile'",
    "http_proxy = 'x'",
    "max_expression_depth = 100000",
    "access_mode = 'read_write'",
    "checkpoint_threshold = '1KB'",
    "disabled_filesystems = ''",
]


@pytest.mark.parametrize("form", ["set {}", "set global {}", "set session {}", "select 1; set {}"])
def test_settings_of_the_whole_server_are_refused(secured_server, form):
    with adbc.login(secured_server, "ada") as con:
        for setting in SETTINGS:
            with refused(*CODES):
                adbc.run(con, form.format(setting))


OTHER_REFUSED = [
    "reset memory_limit",
    "reset global threads",
    "pragma memory_limit='1TB'",
    "pragma threads=1",
    "pragma enable_profiling",
    "pragma profiling_output='/tmp/x'",
    "pragma enable_object_cache",
    "install httpfs",
    "force install httpfs from 'http://127.0.0.1:1'",
    "load httpfs",
    "load '/tmp/x.duckdb_extension'",
    "update extensions",
    "call enable_logging('QueryLog')",
    "from enable_logging('QueryLog')",
    "from enable_logging(storage='file', storage_path='/tmp')",
    "from disable_logging()",
    "from truncate_duckdb_logs()",
    "from duckdb_logs()",
    "from duckdb_log_contexts()",
    "from duckdb_logs_parsed('QueryLog')",
    "select * from (from duckdb_logs())",
    "create secret s (type http, bearer_token 'x')",
    "create persistent secret s (type http, bearer_token 'x')",
    "drop secret s",
    "from query('select 1')",
    "from query_table('duckdb_' || 'tables')",
    "from json_execute_serialized_sql(json_serialize_sql('select 1'))",
    "pragma json_execute_serialized_sql(json_serialize_sql('select 1'))",
]


@pytest.mark.parametrize("sql", OTHER_REFUSED)
def test_functions_and_statements_that_reach_beyond_a_session_are_refused(people, sql):
    with refused(*CODES):
        adbc.rows(people["uli"], sql)


def test_the_sql_of_one_user_is_not_seen_by_another(secured_server):
    with adbc.login(secured_server, "uli") as uli, adbc.login(secured_server, "vera") as vera:
        for sql in ("from enable_logging('QueryLog')", f"select '{CANARY}'"):
            try:
                adbc.rows(uli, sql)
            except ERRORS as error:
                assert failure_of(error).code in CODES
        for sql in (
            "from duckdb_logs()",
            "from duckdb_prepared_statements()",
            "from duckdb_variables()",
        ):
            try:
                assert CANARY not in str(adbc.rows(vera, sql))
            except ERRORS as error:
                assert failure_of(error).code in CODES


def test_what_one_user_spilled_is_not_read_by_another(launch, tmp_path, users_file):
    """SQL may read the folder that DuckDB spills to, so what lies there must mean nothing."""
    server = launch(
        users_file=users_file,
        users={name: secured.password_of(name) for name in secured.USERS},
        prefix=("env", "TAVANA_MEMORY_LIMIT_BYTES=100000000"),
    )
    sql = f"create temp table big as select '{CANARY}' || hash(i) as word from range(8000000) t(i)"
    with adbc.login(server, "uli") as uli, adbc.login(server, "vera") as vera:
        adbc.run(uli, sql)
        folder = Path(adbc.value(vera, "select current_setting('temp_directory')"))
        spilled = [file.read_bytes() for file in folder.iterdir() if file.is_file()]
    assert sum(map(len, spilled)) > 1 << 20
    assert not any(CANARY.encode() in content for content in spilled)


def test_secrets_are_not_readable(secured_server):
    with adbc.login(secured_server, "ada") as ada, adbc.login(secured_server, "uli") as uli:
        for con, sql in (
            (ada, f"create secret hidden (type http, bearer_token '{CANARY}')"),
            (ada, "from duckdb_secrets(redact=false)"),
            (uli, "from duckdb_secrets()"),
            (uli, "from duckdb_secrets(redact=false)"),
        ):
            try:
                assert CANARY not in str(adbc.rows(con, sql))
            except ERRORS as error:
                assert CANARY not in failure_of(error).message


def test_settings_of_a_session_are_still_set(secured_server):
    with adbc.login(secured_server, "uli") as con:
        adbc.run(con, "set timezone = 'Asia/Tokyo'")
        assert adbc.value(con, "select current_setting('timezone')") == "Asia/Tokyo"
        adbc.run(con, "set schema = 'main'")
        adbc.run(con, "use main")


def test_a_sum_of_a_thousand_terms_is_refused_at_once(secured_server):
    """Planning it took DuckDB 24 seconds that no interrupt could end."""
    with adbc.login(secured_server, "uli") as con, refused("INVALID_ARGUMENT", match="depth"):
        adbc.rows(con, "select " + "+".join(["1"] * 1000))


def test_ordinary_work_is_not_in_the_way(secured_server, name):
    with adbc.login(secured_server, "uli") as con:
        adbc.run(con, f"create table {name} as select i, i::varchar as s from range(10) t(i)")
        for sql in (
            f"select json_object('n', count(*)), regexp_extract(max(s), '\\d'), list(i order by i) from {name}",
            f"from {name} select date_trunc('day', now()), strftime(current_date, '%Y'), i % 2 group by all limit 1",
            f"select row_number() over (order by i), lag(s) over (order by i) from {name}",
            f"summarize {name}",
            f"describe {name}",
            "show tables",
            f"explain select * from {name}",
            "select unnest(range(3)), generate_series from generate_series(1, 2)",
            "from duckdb_tables()",
            "from information_schema.columns limit 1",
            "select struct_pack(a := 1), map {'k': 2}, uuid() is not null, md5('x'), random() < 2",
            f"select * from {name} using sample 3",
            f"pragma table_info('{name}')",
            "select version(), current_user, current_schema()",
            "from pragma_version()",
        ):
            adbc.rows(con, sql)
