"""Flight SQL's metadata commands, with exactly the schemas that the specification gives."""

import pyarrow as pa
import pytest

from harness import arrow_flight, wire

TEXT, INT = pa.string(), pa.int32()
KEY_COLUMNS = [
    *(f"pk_{part}" for part in ("catalog_name", "db_schema_name", "table_name", "column_name")),
    *(f"fk_{part}" for part in ("catalog_name", "db_schema_name", "table_name", "column_name")),
    *("key_sequence", "fk_key_name", "pk_key_name", "update_rule", "delete_rule"),
]


@pytest.fixture
def client(server):
    with arrow_flight.Client(server) as one:
        yield one


def strict(*fields):
    """A schema from (name, type, nullable)."""
    return pa.schema([pa.field(name, kind, nullable=nullable) for name, kind, nullable in fields])


TABLES = [
    ("catalog_name", TEXT, True),
    ("db_schema_name", TEXT, True),
    ("table_name", TEXT, False),
    ("table_type", TEXT, False),
]
KEYS = strict(
    *(
        (name, TEXT, "table_name" not in name and "column_name" not in name)
        for name in KEY_COLUMNS[:8]
    ),
    ("key_sequence", INT, False),
    ("fk_key_name", TEXT, True),
    ("pk_key_name", TEXT, True),
    ("update_rule", pa.uint8(), False),
    ("delete_rule", pa.uint8(), False),
)
XDBC = strict(
    ("type_name", TEXT, False),
    ("data_type", INT, False),
    ("column_size", INT, True),
    ("literal_prefix", TEXT, True),
    ("literal_suffix", TEXT, True),
    ("create_params", pa.list_(pa.field("item", TEXT, nullable=False)), True),
    ("nullable", INT, False),
    ("case_sensitive", pa.bool_(), False),
    ("searchable", INT, False),
    ("unsigned_attribute", pa.bool_(), True),
    ("fixed_prec_scale", pa.bool_(), False),
    ("auto_increment", pa.bool_(), True),
    ("local_type_name", TEXT, True),
    ("minimum_scale", INT, True),
    ("maximum_scale", INT, True),
    ("sql_data_type", INT, False),
    ("datetime_subcode", INT, True),
    ("num_prec_radix", INT, True),
    ("interval_precision", INT, True),
)

SCHEMAS = {
    "catalogs": (wire.command("CommandGetCatalogs"), strict(("catalog_name", TEXT, False))),
    "schemas": (
        wire.command("CommandGetDbSchemas"),
        strict(("catalog_name", TEXT, True), ("db_schema_name", TEXT, False)),
    ),
    "tables": (wire.tables(), strict(*TABLES)),
    "tables with schemas": (
        wire.tables(include_schema=True),
        strict(*TABLES, ("table_schema", pa.binary(), False)),
    ),
    "table types": (wire.command("CommandGetTableTypes"), strict(("table_type", TEXT, False))),
    "primary keys": (
        wire.command("CommandGetPrimaryKeys", None, None, "x"),
        strict(
            *TABLES[:3],
            ("column_name", TEXT, False),
            ("key_name", TEXT, True),
            ("key_sequence", INT, False),
        ),
    ),
    "exported keys": (wire.command("CommandGetExportedKeys", None, None, "x"), KEYS),
    "imported keys": (wire.command("CommandGetImportedKeys", None, None, "x"), KEYS),
    "cross reference": (
        wire.command("CommandGetCrossReference", None, None, "x", None, None, "y"),
        KEYS,
    ),
    "type info": (wire.command("CommandGetXdbcTypeInfo"), XDBC),
}


@pytest.mark.parametrize(("command", "schema"), SCHEMAS.values(), ids=SCHEMAS)
def test_schema_info_and_rows_all_have_the_specified_schema(client, command, schema):
    assert client.schema(command).equals(schema)
    assert client.info(command).schema.equals(schema)
    assert client.fetch(command).schema.equals(schema)


@pytest.fixture
def shop(client, name):
    """Two tables with keys, in a schema of their own; gives its name."""
    client.update(
        f"""create schema {name};
        create table {name}.{name}_item (maker varchar, nr int, price double, primary key (nr, maker));
        create table {name}.{name}_sale (id int primary key, item_nr int, item_maker varchar,
            foreign key (item_nr, item_maker) references {name}.{name}_item (nr, maker))"""
    )
    return name


def rows(client, command, *columns):
    return [tuple(row[column] for column in columns) for row in client.fetch(command).to_pylist()]


def test_schemas_and_tables_are_ordered_and_filtered_by_catalog(client, shop):
    current = client.value("select current_catalog()")
    found = rows(
        client, wire.command("CommandGetDbSchemas", current), "catalog_name", "db_schema_name"
    )
    assert (current, shop) in found
    assert found == sorted(found)
    tables = rows(client, wire.tables(current, shop), "table_name")
    assert tables == [(f"{shop}_item",), (f"{shop}_sale",)]
    assert rows(client, wire.tables("no such catalog", shop), "table_name") == []


def test_table_schemas_carry_type_names_and_nullability(client, shop):
    (row,) = client.fetch(wire.tables(None, shop, f"{shop}_item", include_schema=True)).to_pylist()
    schema = arrow_flight.read_schema(row["table_schema"])
    assert schema.names == ["maker", "nr", "price"]
    assert [field.metadata[b"ARROW:FLIGHT:SQL:TYPE_NAME"] for field in schema] == [
        b"VARCHAR",
        b"INTEGER",
        b"DOUBLE",
    ]


def test_primary_keys_come_in_the_order_of_the_key(client, shop):
    command = wire.command("CommandGetPrimaryKeys", None, shop, f"{shop}_item")
    assert rows(client, command, "table_name", "column_name", "key_sequence") == [
        (f"{shop}_item", "nr", 1),
        (f"{shop}_item", "maker", 2),
    ]


def test_imported_exported_and_cross_reference_tell_the_same_foreign_key(client, shop):
    item, sale = f"{shop}_item", f"{shop}_sale"
    want = [(item, "nr", sale, "item_nr", 1), (item, "maker", sale, "item_maker", 2)]
    columns = ("pk_table_name", "pk_column_name", "fk_table_name", "fk_column_name", "key_sequence")
    for command in (
        wire.command("CommandGetImportedKeys", None, shop, sale),
        wire.command("CommandGetExportedKeys", None, shop, item),
        wire.command("CommandGetCrossReference", None, shop, item, None, shop, sale),
    ):
        assert rows(client, command, *columns) == want
    assert rows(client, wire.command("CommandGetImportedKeys", None, shop, item), *columns) == []
    assert rows(client, wire.command("CommandGetExportedKeys", None, shop, sale), *columns) == []


def test_type_info_lists_duckdbs_types_in_order_and_by_code(client):
    types = rows(client, wire.command("CommandGetXdbcTypeInfo"), "data_type", "type_name")
    assert {"BIGINT", "VARCHAR", "INTEGER"} <= {name for _, name in types}
    assert types == sorted(types)
    bigint = -5
    filtered = rows(
        client, wire.command("CommandGetXdbcTypeInfo", bigint), "data_type", "type_name"
    )
    assert (bigint, "BIGINT") in filtered
    assert {code for code, _ in filtered} == {bigint}


# SqlInfo. The numbers are those of the SqlInfo enum.

NAME, VERSION, ARROW_VERSION, READ_ONLY, SQL, SUBSTRAIT, TRANSACTION, CANCEL = (
    0,
    1,
    2,
    3,
    4,
    5,
    8,
    9,
)
BULK_INGESTION, INGEST_TRANSACTIONS, STATEMENT_TIMEOUT, TRANSACTION_TIMEOUT = 10, 11, 100, 101
DDL_CATALOG, DDL_SCHEMA, DDL_TABLE, IDENTIFIER_CASE, QUOTE, QUOTED_CASE = (
    500,
    501,
    502,
    503,
    504,
    505,
)
NULL_ORDERING, KEYWORDS, NUMERIC, STRING, SYSTEM, DATETIME, SAVEPOINTS = (
    507,
    508,
    509,
    510,
    511,
    512,
    573,
)

TRUE_OF_TAVANA = {
    NAME: "Tavana",
    READ_ONLY: False,
    SQL: True,
    SUBSTRAIT: False,
    TRANSACTION: 1,
    CANCEL: True,
    BULK_INGESTION: True,
    INGEST_TRANSACTIONS: True,
    DDL_SCHEMA: True,
    DDL_TABLE: True,
    QUOTE: '"',
    SAVEPOINTS: False,
}
NEVER_MISSING = {
    *TRUE_OF_TAVANA,
    VERSION,
    ARROW_VERSION,
    STATEMENT_TIMEOUT,
    TRANSACTION_TIMEOUT,
    DDL_CATALOG,
}
NEVER_MISSING |= {
    IDENTIFIER_CASE,
    QUOTED_CASE,
    NULL_ORDERING,
    KEYWORDS,
    NUMERIC,
    STRING,
    SYSTEM,
    DATETIME,
}


def sql_info(client, *codes):
    return {
        row["info_name"]: row["value"] for row in client.fetch(wire.sql_info(codes)).to_pylist()
    }


def test_sql_info_has_the_specified_schema(client):
    schema = client.schema(wire.sql_info())
    assert schema.field("info_name").equals(pa.field("info_name", pa.uint32(), nullable=False))
    union = schema.field("value").type
    assert (union.mode, union.type_codes) == ("dense", list(range(6)))
    assert [union.field(i).name for i in range(6)] == [
        "string_value",
        "bool_value",
        "bigint_value",
        "int32_bitmask",
        "string_list",
        "int32_to_int32_list_map",
    ]
    assert [union.field(i).type for i in range(5)] == [
        TEXT,
        pa.bool_(),
        pa.int64(),
        INT,
        pa.list_(TEXT),
    ]


def test_sql_info_without_codes_tells_everything(client):
    assert set(sql_info(client)) >= NEVER_MISSING


def test_sql_info_with_codes_tells_only_those(client):
    assert set(sql_info(client, NAME, TRANSACTION)) == {NAME, TRANSACTION}


def test_sql_info_is_true(client):
    info = sql_info(client)
    assert {code: info[code] for code in TRUE_OF_TAVANA} == TRUE_OF_TAVANA
    for code in (KEYWORDS, NUMERIC, STRING, SYSTEM, DATETIME):
        assert info[code], "old JDBC drivers fail without these lists"


def test_transaction_support_is_where_adbc_looks_for_it(client):
    """The driver reads code 8 only from the union's child 3."""
    column = client.fetch(wire.sql_info([TRANSACTION]))["value"].chunk(0)
    assert column.type_codes.to_pylist() == [3]
