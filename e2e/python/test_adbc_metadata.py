"""ADBC's catalogue calls: get_objects at every depth and with every filter, table schemas and types."""

import pyarrow as pa
import pytest

from harness import adbc
from harness.failures import refused


@pytest.fixture
def zoo(con, name):
    """A schema with two tables and a view; gives its name."""
    schema = f"zoo_{name}"
    adbc.script(
        con,
        f"""create schema {schema};
        create table {schema}.animals (id int primary key, name varchar not null, born date, legs decimal(9, 2)[]);
        create table {schema}.a_b (x int);
        create table {schema}.axb (y varchar);
        create view {schema}.birds as select name from {schema}.animals""",
    )
    yield schema
    adbc.script(con, f"drop schema {schema} cascade")


def objects(con, **filters):
    return con.adbc_get_objects(**filters).read_all().to_pylist()


def schemas_of(con, catalog, **filters):
    """One catalog's schemas by name."""
    (found,) = [entry for entry in objects(con, **filters) if entry["catalog_name"] == catalog]
    return {schema["db_schema_name"]: schema for schema in found["catalog_db_schemas"] or []}


def tables_of(con, zoo, **filters):
    """The zoo's tables by name."""
    schemas = schemas_of(con, adbc.value(con, "select current_catalog()"), **filters)
    return {
        table["table_name"]: table for table in schemas.get(zoo, {}).get("db_schema_tables") or []
    }


def test_catalogs_are_listed_without_their_schemas(con):
    current = adbc.value(con, "select current_catalog()")
    found = objects(con, depth="catalogs")
    assert current in [entry["catalog_name"] for entry in found]
    assert all(entry["catalog_db_schemas"] is None for entry in found)


def test_schemas_are_listed_without_their_tables(con, zoo):
    schemas = schemas_of(con, adbc.value(con, "select current_catalog()"), depth="db_schemas")
    assert {"main", zoo} <= set(schemas)
    assert schemas[zoo]["db_schema_tables"] is None


def test_tables_are_listed_with_their_types_and_without_columns(con, zoo):
    tables = tables_of(con, zoo, depth="tables")
    assert set(tables) == {"animals", "a_b", "axb", "birds"}
    assert tables["birds"]["table_type"] != tables["animals"]["table_type"]
    assert all(table["table_columns"] is None for table in tables.values())


@pytest.mark.parametrize("depth", ["columns", "all"])
def test_columns_are_listed_in_order_with_their_type_names(con, zoo, depth):
    columns = tables_of(con, zoo, depth=depth)["animals"]["table_columns"]
    assert [(c["column_name"], c["ordinal_position"]) for c in columns] == [
        ("id", 1),
        ("name", 2),
        ("born", 3),
        ("legs", 4),
    ]
    assert [c["xdbc_type_name"] for c in columns] == [
        "INTEGER",
        "VARCHAR",
        "DATE",
        "DECIMAL(9,2)[]",
    ]


def test_columns_of_views_are_listed(con, zoo):
    columns = tables_of(con, zoo, depth="all")["birds"]["table_columns"]
    assert [c["column_name"] for c in columns] == ["name"]


def test_a_schema_filter_is_a_pattern(con, zoo):
    current = adbc.value(con, "select current_catalog()")
    assert set(schemas_of(con, current, depth="db_schemas", db_schema_filter=zoo)) == {zoo}
    assert zoo in schemas_of(con, current, depth="db_schemas", db_schema_filter="zoo%")
    assert schemas_of(con, current, depth="db_schemas", db_schema_filter="no such") == {}


def test_a_table_filter_is_a_pattern(con, zoo):
    assert set(tables_of(con, zoo, depth="tables", table_name_filter="a%")) == {
        "animals",
        "a_b",
        "axb",
    }
    assert set(tables_of(con, zoo, depth="tables", table_name_filter="a_b")) == {"a_b", "axb"}
    assert set(tables_of(con, zoo, depth="tables", table_name_filter="birds")) == {"birds"}


def test_a_table_type_filter_keeps_only_that_type(con, zoo):
    view = tables_of(con, zoo, depth="tables")["birds"]["table_type"]
    assert set(tables_of(con, zoo, depth="tables", table_types_filter=[view])) == {"birds"}


def test_a_column_filter_keeps_only_those_columns(con, zoo):
    tables = tables_of(con, zoo, depth="all", column_name_filter="na%")
    assert [c["column_name"] for c in tables["animals"]["table_columns"]] == ["name"]


def test_a_filter_with_a_quote_is_text_not_sql(con):
    assert tables_of(con, "main", depth="tables", table_name_filter="x' or '1'='1") == {}


def test_tables_of_this_sessions_attached_catalog_are_found(con, name):
    adbc.script(
        con, f"attach ':memory:' as cat_{name}; create table cat_{name}.main.inside (i int)"
    )
    try:
        tables = schemas_of(con, f"cat_{name}", depth="tables")["main"]["db_schema_tables"]
        assert [table["table_name"] for table in tables] == ["inside"]
        schema = con.adbc_get_table_schema("inside", catalog_filter=f"cat_{name}")
        assert schema == pa.schema([("i", pa.int32())])
    finally:
        adbc.run(con, f"detach cat_{name}")


def test_temporary_tables_are_listed_for_their_session_alone(server, con, name):
    adbc.run(con, f"create temp table {name} (i int)")
    assert name in str(objects(con, depth="tables", table_name_filter=name))
    with adbc.connect(server) as other:
        assert name not in str(objects(other, depth="tables", table_name_filter=name))


def test_an_uncommitted_table_is_listed_inside_its_transaction_alone(tx, con, name):
    adbc.run(tx, f"create table {name} (i int)")
    assert name in str(objects(tx, depth="tables", table_name_filter=name))
    assert name not in str(objects(con, depth="tables", table_name_filter=name))


def test_thousands_of_tables_are_all_listed(con, name):
    schema = f"many_{name}"
    adbc.script(
        con,
        f"create schema {schema};"
        + "".join(f"create table {schema}.t{i} (i int);" for i in range(2100)),
    )
    try:
        assert len(tables_of(con, schema, depth="tables")) == 2100
        assert con.adbc_get_table_schema("t2099", db_schema_filter=schema) == pa.schema(
            [("i", pa.int32())]
        )
    finally:
        adbc.script(con, f"drop schema {schema} cascade")


def test_a_tables_schema_is_that_of_its_rows(con, zoo):
    schema = con.adbc_get_table_schema("animals", db_schema_filter=zoo)
    rows = adbc.table(con, f"from {zoo}.animals").schema
    assert schema.names == rows.names
    assert schema.types == rows.types


def test_a_tables_schema_is_found_among_names_that_its_pattern_matches(con, zoo):
    assert con.adbc_get_table_schema("a_b", db_schema_filter=zoo).names == ["x"]


def test_the_schema_of_no_table_is_not_found(con):
    with pytest.raises(con.ProgrammingError, match="NOT_FOUND"):
        con.adbc_get_table_schema("no_such_table")


def test_table_types_are_those_that_tables_have(con, zoo):
    used = {table["table_type"] for table in tables_of(con, zoo, depth="tables").values()}
    assert used <= set(con.adbc_get_table_types())


def test_the_current_catalog_and_schema_are_read_and_set(con, zoo):
    assert con.adbc_current_catalog == adbc.value(con, "select current_catalog()")
    assert con.adbc_current_db_schema == "main"
    con.adbc_current_db_schema = zoo
    assert con.adbc_current_db_schema == zoo
    assert adbc.value(con, "select count(*) from animals") == 0
    con.adbc_current_db_schema = "main"


def test_a_schema_that_does_not_exist_cannot_be_current(con):
    with pytest.raises(con.Error, match="schema"):
        con.adbc_current_db_schema = "no_such_schema"
    assert con.adbc_current_db_schema == "main"


def test_use_in_sql_and_the_session_option_are_one_thing(con, zoo):
    adbc.run(con, f"use {zoo}")
    assert con.adbc_current_db_schema == zoo
    with refused("NOT_FOUND"):
        adbc.run(con, "use no_such_schema")
