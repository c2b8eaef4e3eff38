"""ADBC's DBAPI: statements with effects, executemany, bulk ingest and transactions."""

from contextlib import suppress

import pyarrow as pa
import pytest

from harness import adbc
from harness.failures import refused

ANIMALS = pa.table({"id": pa.array([1, 2, 3], pa.int32()), "name": ["duck", None, "goose"]})
PLANTS = pa.table({"id": pa.array([4], pa.int32()), "name": ["reed"]})


def count(con, table):
    return adbc.value(con, f"select count(*) from {table}")


# Effects happen once


def test_ddl_and_dml_by_execute_happen_once(con, name):
    adbc.run(con, f"create table {name} (i int)")
    adbc.run(con, f"insert into {name} values (1)")
    adbc.run(con, f"insert into {name} select i + 1 from {name}")
    assert adbc.rows(con, f"from {name} order by 1") == [(1,), (2,)]


def test_ddl_and_dml_by_the_update_call_happen_once(con, name):
    adbc.script(con, f"create table {name} (i int)")
    adbc.script(con, f"insert into {name} values (1)")
    assert count(con, name) == 1


def test_insert_returning_runs_once_and_gives_its_rows(con, name):
    adbc.run(con, f"create table {name} (i int, j int default 7)")
    assert adbc.rows(con, f"insert into {name}(i) values (1), (2) returning i * 10 as tens, j") == [
        (10, 7),
        (20, 7),
    ]
    assert count(con, name) == 2


def test_insert_returning_has_happened_even_if_its_rows_are_never_read(con, name):
    adbc.run(con, f"create table {name} (i int)")
    with con.cursor() as cursor:
        partitions, _ = cursor.adbc_execute_partitions(
            f"insert into {name} values (1), (2) returning i"
        )
        assert count(con, name) == 2
        cursor.adbc_read_partition(partitions[0])
        assert cursor.fetchall() == [(1,), (2,)]
    assert count(con, name) == 2


def test_a_query_with_side_effects_runs_once(con, name):
    adbc.run(con, f"create sequence {name}")
    assert adbc.value(con, f"select nextval('{name}')") == 1
    assert adbc.value(con, f"select nextval('{name}')") == 2


def test_preparing_has_no_effect(con, name):
    with con.cursor() as cursor:
        cursor.adbc_prepare(f"create table {name} (i int)")
        with suppress(con.Error):  # several statements at once may be refused, but not run
            cursor.adbc_prepare(f"create table {name} (i int); create table {name}_2 (i int)")
    with refused("NOT_FOUND", match=name):
        adbc.rows(con, f"from {name}")


def test_several_statements_in_one_string_run_once_each_in_order(con, name):
    sql = f"create table {name} (i int); insert into {name} values (1), (2); select sum(i)::int from {name};"
    assert adbc.rows(con, sql) == [(3,)]
    assert count(con, name) == 2


def test_several_statements_by_the_update_call_run_once_each(con, name):
    adbc.script(con, f"create table {name} (s varchar); insert into {name} values ('a;b'); -- end;")
    assert adbc.rows(con, f"from {name}") == [("a;b",)]


def test_a_failing_statement_stops_those_behind_it(con, name):
    with refused("INVALID_ARGUMENT"):
        adbc.script(
            con,
            f"create table {name} (i int); insert into {name} values ('no int'); insert into {name} values (1)",
        )
    assert count(con, name) == 0


def test_every_kind_of_ddl_works(con, name):
    for sql in (
        f"create schema s_{name}",
        f"create table s_{name}.t (id int primary key, v varchar)",
        f"create view s_{name}.v as select id from s_{name}.t",
        f"create index i_{name} on s_{name}.t (v)",
        f"create macro s_{name}.twice(x) as x * 2",
        f"create type e_{name} as enum ('a', 'b')",
        f"alter table s_{name}.t add column w double",
        f"comment on table s_{name}.t is 'kept'",
        f"insert into s_{name}.t values (1, 'a', 2.5) on conflict do nothing",
        f"drop index s_{name}.i_{name}",
        f"truncate s_{name}.t",
        f"drop type e_{name}",
        f"drop schema s_{name} cascade",
    ):
        adbc.run(con, sql)
    assert (
        adbc.value(con, f"select count(*) from duckdb_schemas() where schema_name = 's_{name}'")
        == 0
    )


def test_a_constraint_that_fails_says_so_and_changes_nothing(con, name):
    adbc.run(con, f"create table {name} (i int primary key)")
    adbc.run(con, f"insert into {name} values (1)")
    with refused("FAILED_PRECONDITION", match="duplicate key|primary key"):
        adbc.run(con, f"insert into {name} values (2), (1)")
    assert count(con, name) == 1


# executemany


def test_executemany_inserts_each_row_once_and_counts_them(con, name):
    adbc.run(con, f"create table {name} (i int, s varchar)")
    with con.cursor() as cursor:
        cursor.executemany(
            f"insert into {name} values (?, ?)",
            [(i, f"s{i}" if i % 3 else None) for i in range(100)],
        )
        assert cursor.rowcount == 100
    rows = adbc.rows(con, f"from {name} order by i")
    assert rows == [(i, f"s{i}" if i % 3 else None) for i in range(100)]


def test_executemany_takes_arrow_data_and_updates(con, name):
    adbc.ingest(con, name, ANIMALS)
    with con.cursor() as cursor:
        cursor.executemany(
            f"update {name} set name = ? where id = ?", pa.table({"n": ["a", "b"], "i": [1, 3]})
        )
        assert cursor.rowcount == 2
    assert adbc.rows(con, f"select name from {name} order by id") == [("a",), (None,), ("b",)]


def test_executemany_with_one_bad_row_changes_nothing(con, name):
    adbc.run(con, f"create table {name} (i int primary key)")
    with refused("FAILED_PRECONDITION"), con.cursor() as cursor:
        cursor.executemany(f"insert into {name} values (?)", [(1,), (2,), (1,)])
    assert count(con, name) == 0


# Bulk ingest


def test_ingest_creates_a_table_with_the_datas_types(con, name):
    assert adbc.ingest(con, name, ANIMALS, "create") == 3
    assert adbc.table(con, f"from {name} order by id") == ANIMALS


def test_ingest_refuses_to_create_what_exists(con, name):
    adbc.ingest(con, name, ANIMALS)
    with refused("ALREADY_EXISTS", match=name):
        adbc.ingest(con, name, PLANTS, "create")
    assert count(con, name) == 3


def test_ingest_appends_and_refuses_to_append_to_nothing(con, name):
    with refused("NOT_FOUND", match=name):
        adbc.ingest(con, name, ANIMALS, "append")
    adbc.ingest(con, name, ANIMALS)
    assert adbc.ingest(con, name, PLANTS, "append") == 1
    assert adbc.rows(con, f"select id from {name} order by id") == [(1,), (2,), (3,), (4,)]


def test_ingest_replaces_a_table_and_its_columns(con, name):
    adbc.ingest(con, name, ANIMALS, "replace")
    other = pa.table({"x": [1.5]})
    assert adbc.ingest(con, name, other, "replace") == 1
    assert adbc.table(con, f"from {name}") == other


def test_ingest_creates_or_appends(con, name):
    adbc.ingest(con, name, ANIMALS, "create_append")
    adbc.ingest(con, name, PLANTS, "create_append")
    assert count(con, name) == 4


def test_ingest_of_data_that_does_not_fit_is_refused_whole(con, name):
    adbc.run(con, f"create table {name} (id int not null, name varchar)")
    with refused("INVALID_ARGUMENT", "NOT_FOUND", match="column"):
        adbc.ingest(con, name, pa.table({"only": [1]}), "append")
    with refused("INVALID_ARGUMENT"):
        adbc.ingest(con, name, pa.table({"id": ["no int"], "name": ["x"]}), "append")
    with refused("FAILED_PRECONDITION", match="not null"):
        adbc.ingest(con, name, pa.table({"id": [1, None], "name": ["x", "y"]}), "append")
    assert count(con, name) == 0


def test_ingest_of_no_rows_still_creates_the_table(con, name):
    none = pa.record_batch(
        [column.chunk(0).slice(0, 0) for column in ANIMALS.columns], schema=ANIMALS.schema
    )
    assert adbc.ingest(con, name, none) == 0
    assert adbc.table(con, f"from {name}").schema == ANIMALS.schema


def test_ingest_takes_many_batches_and_one_large_one(con, name):
    numbers = pa.table({"i": range(1_900_000)})  # 15 MB: the driver sends no message above 16 MiB
    assert adbc.ingest(con, name, numbers.to_reader(max_chunksize=10_000)) == 1_900_000
    assert adbc.ingest(con, name, numbers.to_batches()[0], "append") == 1_900_000
    assert adbc.rows(con, f"select count(*), count(distinct i), sum(i)::bigint from {name}") == [
        (3_800_000, 1_900_000, 2 * sum(range(1_900_000)))
    ]


def test_ingest_into_a_schema_and_a_catalog(con, name):
    adbc.run(con, f"create schema s_{name}")
    adbc.ingest(con, name, ANIMALS, db_schema_name=f"s_{name}")
    assert count(con, f"s_{name}.{name}") == 3
    adbc.run(con, f"attach ':memory:' as c_{name}")
    try:
        adbc.ingest(con, name, PLANTS, catalog_name=f"c_{name}", db_schema_name="main")
        assert count(con, f"c_{name}.main.{name}") == 1
    finally:
        adbc.run(con, f"detach c_{name}")


def test_ingest_quotes_names(con, name):
    odd = f'{name} "odd"; drop table x'
    adbc.ingest(con, odd, pa.table({'a "b"': [1], "select": [2]}))
    quoted = odd.replace('"', '""')
    assert adbc.table(con, f'from "{quoted}"').to_pydict() == {'a "b"': [1], "select": [2]}


def test_ingest_into_a_temporary_table_stays_in_the_session(server, con, name):
    adbc.ingest(con, name, ANIMALS, temporary=True)
    assert adbc.value(con, f"select count(*) from temp.{name}") == 3
    with adbc.connect(server) as other, refused("NOT_FOUND", match=name):
        adbc.rows(other, f"from {name}")


def test_ingest_inside_a_transaction_follows_it(server, tx, con, name):
    adbc.ingest(tx, name, ANIMALS)
    with refused("NOT_FOUND", match=name):
        adbc.rows(con, f"from {name}")
    tx.rollback()
    with refused("NOT_FOUND", match=name):
        adbc.rows(tx, f"from {name}")
    tx.rollback()
    adbc.ingest(tx, name, ANIMALS)
    tx.commit()
    assert count(con, name) == 3


# Transactions


def test_commit_makes_a_write_visible_and_rollback_undoes_it(tx, con, name):
    adbc.run(con, f"create table {name} (i int)")
    adbc.run(tx, f"insert into {name} values (1)")
    assert count(tx, name) == 1
    assert count(con, name) == 0
    tx.commit()
    assert count(con, name) == 1
    adbc.run(tx, f"delete from {name}")
    tx.rollback()
    assert count(tx, name) == 1


def test_executemany_follows_its_transaction(tx, con, name):
    adbc.run(con, f"create table {name} (i int)")
    with tx.cursor() as cursor:
        cursor.executemany(f"insert into {name} values (?)", [(1,), (2,)])
    tx.rollback()
    assert count(con, name) == 0


def test_a_transaction_reads_one_snapshot(tx, con, name):
    adbc.run(con, f"create table {name} as select 1 as i")
    assert count(tx, name) == 1
    adbc.run(con, f"insert into {name} values (2)")
    assert count(tx, name) == 1
    tx.commit()
    assert count(tx, name) == 2


def test_closing_without_commit_rolls_back(server, con, name):
    adbc.run(con, f"create table {name} (i int)")
    with adbc.connect(server, autocommit=False) as gone:
        adbc.run(gone, f"insert into {name} values (1)")
    assert count(con, name) == 0


def test_a_conflict_of_two_writers_is_told_as_aborted(server, tx, name):
    with adbc.connect(server) as con:
        adbc.run(con, f"create table {name} as select 1 as i")
        adbc.run(tx, f"update {name} set i = 2")
        with refused("ABORTED", match="conflict"):
            adbc.run(con, f"update {name} set i = 3")
    tx.commit()
    assert adbc.value(tx, f"select i from {name}") == 2


def test_an_error_inside_a_transaction_lets_it_roll_back_and_go_on(tx, con, name):
    adbc.run(con, f"create table {name} (i int primary key)")
    adbc.run(tx, f"insert into {name} values (1)")
    with refused("FAILED_PRECONDITION"):
        adbc.run(tx, f"insert into {name} values (1)")
    tx.rollback()
    adbc.run(tx, f"insert into {name} values (5)")
    tx.commit()
    assert adbc.rows(con, f"from {name}") == [(5,)]


@pytest.mark.parametrize("sql", ["begin", "commit", "rollback"])
def test_transaction_statements_in_sql_do_not_break_an_api_transaction(tx, con, name, sql):
    """The driver owns this transaction: SQL that meddles is refused, or acts on this session alone."""
    adbc.run(con, f"create table {name} as select 1 as i")
    try:
        adbc.run(tx, sql)
    except tx.Error:
        tx.rollback()
    assert adbc.value(con, f"select count(*) from {name}") == 1


def test_transactions_in_sql_work_in_a_session(server, con, name):
    adbc.run(con, f"create table {name} (i int)")
    adbc.run(con, "begin")
    adbc.run(con, f"insert into {name} values (1)")
    with adbc.connect(server) as other:
        assert count(other, name) == 0
    adbc.run(con, "rollback")
    assert count(con, name) == 0
    adbc.run(con, "begin")
    adbc.run(con, f"insert into {name} values (2)")
    adbc.run(con, "commit")
    assert count(con, name) == 1


def test_a_commit_after_a_failure_says_that_nothing_was_committed(tx, con, name):
    """DuckDB itself rolls back and reports success."""
    adbc.run(con, f"create table {name} (a int primary key)")
    adbc.run(tx, f"insert into {name} values (1)")
    with refused("FAILED_PRECONDITION"):
        adbc.run(tx, f"insert into {name} values (1)")
    with refused("FAILED_PRECONDITION", match="nothing was committed"):
        tx.commit()
    assert adbc.value(con, f"select count(*) from {name}") == 0
