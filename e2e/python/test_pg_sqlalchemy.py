"""SQLAlchemy 2 over psycopg: reflection, the ORM and what pandas makes of both."""

import datetime as dt
from decimal import Decimal

import pandas as pd
import pytest
import sqlalchemy as sa
from sqlalchemy import orm

from harness.pg_wire import connect

pytest.importorskip("psycopg")


@pytest.fixture
def engine(pg):
    made = sa.create_engine(pg.uri.replace("postgresql:", "postgresql+psycopg:"))
    yield made
    made.dispose()


@pytest.fixture
def shelf(pg, name):
    """A schema with two tables and a view."""
    made = (
        f"create schema {name}",
        f"create table {name}.books (id int primary key, title varchar(80) not null, price numeric(8,2),"
        " printed date, added timestamp, added_tz timestamptz, weight double precision, pages smallint,"
        " sold bigint, used boolean default false, cover bytea, meta json, words text[], key uuid)",
        f"create table {name}.loans (book int not null, who text, unique (book, who))",
        f"create view {name}.titles as select id, title from {name}.books",
    )
    with connect(pg) as wire:
        for sql in made:
            wire.run(sql)
    yield name
    with connect(pg) as wire:
        for sql in (
            f"view {name}.titles",
            f"table {name}.loans",
            f"table {name}.books",
            f"schema {name}",
        ):
            wire.run(f"drop {sql}")


def test_names(engine, shelf):
    found = sa.inspect(engine)
    assert shelf in found.get_schema_names() and "public" in found.get_schema_names()
    assert found.default_schema_name == "public"
    assert sorted(found.get_table_names(shelf)) == ["books", "loans"]
    assert found.get_view_names(shelf) == ["titles"]
    assert found.has_table("books", shelf) and not found.has_table("nope", shelf)
    assert "select" in found.get_view_definition("titles", shelf).lower()


def test_columns(engine, shelf):
    columns = {c["name"]: c for c in sa.inspect(engine).get_columns("books", shelf)}
    kinds = {name: str(c["type"]) for name, c in columns.items()}
    assert kinds == {
        "id": "INTEGER",
        "title": "VARCHAR(80)",
        "price": "NUMERIC(8, 2)",
        "printed": "DATE",
        "added": "TIMESTAMP",
        "added_tz": "TIMESTAMP",
        "weight": "DOUBLE PRECISION",
        "pages": "SMALLINT",
        "sold": "BIGINT",
        "used": "BOOLEAN",
        "cover": "BYTEA",
        "meta": "JSON",
        "words": "TEXT[]" if kinds["words"] == "TEXT[]" else "ARRAY",
        "key": "UUID",
    }
    assert columns["added_tz"]["type"].timezone and not columns["added"]["type"].timezone
    assert [name for name, c in columns.items() if not c["nullable"]] == ["id", "title"]
    assert columns["used"]["default"] == "false"


def test_keys(engine, shelf):
    found = sa.inspect(engine)
    assert found.get_pk_constraint("books", shelf)["constrained_columns"] == ["id"]
    assert [c["column_names"] for c in found.get_unique_constraints("loans", shelf)] == [
        ["book", "who"]
    ]
    assert found.get_foreign_keys("loans", shelf) == []
    assert isinstance(found.get_indexes("books", shelf), list)
    assert found.get_check_constraints("books", shelf) == []


def test_reflected_tables_can_be_queried(engine, shelf):
    meta = sa.MetaData(schema=shelf)
    meta.reflect(engine, views=True)
    books = meta.tables[f"{shelf}.books"]
    with engine.begin() as con:
        con.execute(
            books.insert(),
            [{"id": i, "title": f"t{i}", "price": Decimal("9.90")} for i in range(500)],
        )
    with engine.connect() as con:
        query = sa.select(sa.func.count(), sa.func.sum(books.c.price)).where(
            books.c.id.in_([1, 2, 3])
        )
        assert con.execute(query).one() == (3, Decimal("29.70"))
        titles = meta.tables[f"{shelf}.titles"]
        assert con.execute(sa.select(titles.c.title).where(titles.c.id == 7)).scalar() == "t7"


def test_orm(engine, name):
    prefix = name  # a class body that maps a `name` cannot see the other one

    class Base(orm.DeclarativeBase):
        pass

    class Author(Base):
        __tablename__ = f"{prefix}_authors"
        id: orm.Mapped[int] = orm.mapped_column(primary_key=True, autoincrement=False)
        name: orm.Mapped[str] = orm.mapped_column(sa.String(50))
        born: orm.Mapped[dt.date | None]
        books: orm.Mapped[list["Book"]] = orm.relationship(
            back_populates="author", primaryjoin="Author.id == foreign(Book.author_id)"
        )

    class Book(Base):
        __tablename__ = f"{prefix}_books"
        id: orm.Mapped[int] = orm.mapped_column(primary_key=True, autoincrement=False)
        title: orm.Mapped[str]
        author_id: orm.Mapped[int]
        author: orm.Mapped[Author] = orm.relationship(
            back_populates="books", primaryjoin="Author.id == foreign(Book.author_id)"
        )

    Base.metadata.create_all(engine)
    Base.metadata.create_all(engine)  # asks whether they are there
    with orm.Session(engine) as session:
        ada = Author(id=1, name="Ada", born=dt.date(1815, 12, 10))
        ada.books = [Book(id=i, title=f"Notes {i}") for i in range(3)]
        session.add(ada)
        session.commit()
        found = session.scalars(
            sa.select(Book).join(Book.author).where(Author.name == "Ada").order_by(Book.id)
        ).all()
        assert [b.title for b in found] == ["Notes 0", "Notes 1", "Notes 2"]
        found[0].title = "Changed"
        session.delete(found[2])
        session.commit()
        loaded = session.scalars(sa.select(Author).options(orm.selectinload(Author.books))).one()
        assert sorted(b.title for b in loaded.books) == ["Changed", "Notes 1"]
        session.expunge_all()
        session.add(Book(id=0, title="again", author_id=1))
        with pytest.raises(sa.exc.IntegrityError):
            session.flush()
        session.rollback()
    Base.metadata.drop_all(engine)
    assert not sa.inspect(engine).has_table(f"{prefix}_books")


def test_stream_results(engine):
    with engine.connect().execution_options(stream_results=True, max_row_buffer=100) as con:
        rows = con.execute(sa.text("select i from generate_series(1, 1000) i order by 1"))
        assert sum(i for (i,) in rows) == 500500


def test_pandas(engine, name):
    frame = pd.DataFrame(
        {
            "i": [1, 2, 3],
            "f": [1.5, None, -2.0],
            "s": ["a", None, "ü"],
            "t": pd.to_datetime(["2024-01-01 00:00", "2024-02-29 12:00", None]),
            "b": [True, False, True],
        }
    )
    frame.to_sql(name, engine, index=False)
    found = pd.read_sql_table(name, engine)
    pd.testing.assert_frame_equal(found, frame, check_dtype=False)
    assert pd.read_sql(sa.text(f"select sum(i) as n from {name}"), engine)["n"][0] == 6
    frame.to_sql(name, engine, index=False, if_exists="replace")
    frame.to_sql(name, engine, index=False, if_exists="append", method="multi")
    with engine.begin() as con:
        assert con.execute(sa.text(f"select count(*) from {name}")).scalar() == 6
        con.execute(sa.text(f"drop table {name}"))
