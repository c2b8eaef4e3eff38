"""COPY on the wire: the messages, and every option of the text and csv formats in both directions."""

import socket
import struct

import pytest

from harness.pg_wire import (
    COPY_DONE,
    SYNC,
    TERMINATE,
    bind,
    connect,
    copy_data,
    copy_fail,
    execute,
    fields_of,
    parse,
    query,
    transcript,
)
from harness.topology import eventually

ONE, THREE = "select 1 as x", "select i as x from generate_series(1, 3) t(i) order by 1"

CONVERSATIONS = {
    "out": (
        [query(f"copy ({THREE}) to stdout")],
        "H(0,1) d(1) d(2) d(3) c C(COPY 3) Z(I)",
    ),
    "out and another statement": (
        [query(f"copy ({ONE}) to stdout; select 2 as y")],
        "H(0,1) d(1) c C(COPY 1) T(y) D(2) C(SELECT 1) Z(I)",
    ),
    "out, extended": (
        [parse(f"copy ({ONE}) to stdout"), bind(), execute(), SYNC],
        "1 2 H(0,1) d(1) c C(COPY 1) Z(I)",
    ),
    "in": (
        [
            query("create temp table c (a int, b text)"),
            query("copy c from stdin"),
            *(copy_data(b"1\tx\n2"), copy_data(b"\t\\N\n"), COPY_DONE),
            query("select a, b from c order by a"),
        ],
        "C(CREATE TABLE) Z(I) G(0,2) C(COPY 2) Z(I) T(a,b) D(1,x) D(2,null) C(SELECT 2) Z(I)",
    ),
    "in, failed by the client": (
        [
            query("create temp table c (a int)"),
            query("copy c from stdin"),
            *(copy_data(b"1\n"), copy_fail("no more")),
            query("select count(*) as n from c"),
        ],
        "C(CREATE TABLE) Z(I) G(0,1) E(57014) Z(I) T(n) D(0) C(SELECT 1) Z(I)",
    ),
    "in, a bad value": (
        [
            query("create temp table c (a int)"),
            query("copy c from stdin"),
            *(copy_data(b"1\nx\n"), copy_data(b"3\n"), COPY_DONE),
            query("select count(*) as n from c"),
        ],
        "C(CREATE TABLE) Z(I) G(0,1) E(22P02) Z(I) T(n) D(0) C(SELECT 1) Z(I)",
    ),
    "in, too few columns": (
        [
            query("create temp table c (a int, b int)"),
            query("copy c from stdin"),
            *(copy_data(b"1\n"), COPY_DONE),
        ],
        "C(CREATE TABLE) Z(I) G(0,2) E(22P04) Z(I)",
    ),
    "in, no such table": (
        [query("copy no_such_table from stdin"), query(ONE)],
        "E(42P01) Z(I) T(x) D(1) C(SELECT 1) Z(I)",
    ),
    "in, extended": (
        [
            query("create temp table c (a int)"),
            *(parse("copy c from stdin"), bind(), execute(), copy_data(b"7\n"), COPY_DONE, SYNC),
            query("select a from c"),
        ],
        "C(CREATE TABLE) Z(I) 1 2 G(0,1) C(COPY 1) Z(I) T(a) D(7) C(SELECT 1) Z(I)",
    ),
    "messages of a copy outside one are ignored": (
        [copy_data(b"1\n"), COPY_DONE, copy_fail("no"), query(ONE)],
        "T(x) D(1) C(SELECT 1) Z(I)",
    ),
}


@pytest.mark.parametrize("label", CONVERSATIONS)
def test_conversation(pg, label):
    said, expected = CONVERSATIONS[label]
    with connect(pg) as wire:
        assert transcript(wire.talk(*said, times=expected.count("Z("))) == expected


# Options

ROWS = (
    "select * from (values (1, 'plain', 1.5), (2, null, null), (3, '', -2), (4, E'tab\\there\\nline\\\\', 0),"
    " (5, 'quo\"te, comma', 1e3), (6, ' pad ', 7), (7, '\\.', 8), (8, 'NULL', 9)) t(a, b, c) order by a"
)
OUT = {
    "": '1\tplain\t1.5\n2\t\\N\t\\N\n3\t\t-2\n4\ttab\\there\\nline\\\\\t0\n5\tquo"te, comma\t1000\n6\t pad \t7\n'
    "7\t\\\\.\t8\n8\tNULL\t9\n",
    "delimiter '|', null 'NULL', header": "a|b|c\n1|plain|1.5\n2|NULL|NULL\n3||-2\n4|tab\\there\\nline\\\\|0\n"
    '5|quo"te, comma|1000\n6| pad |7\n7|\\\\.|8\n8|NULL|9\n',
    "format csv": '1,plain,1.5\n2,,\n3,"",-2\n4,"tab\there\nline\\",0\n5,"quo""te, comma",1000\n6, pad ,7\n'
    "7,\\.,8\n8,NULL,9\n",
    "format csv, header, delimiter ';', null 'NULL'": "a;b;c\n1;plain;1.5\n2;NULL;NULL\n3;;-2\n"
    '4;"tab\there\nline\\";0\n5;"quo""te, comma";1000\n6; pad ;7\n7;\\.;8\n8;"NULL";9\n',
    "format csv, quote '''', escape '\\'": "1,plain,1.5\n2,,\n3,'',-2\n4,'tab\there\nline\\\\',0\n"
    "5,'quo\"te, comma',1000\n6, pad ,7\n7,\\.,8\n8,NULL,9\n",
    "format csv, force_quote *": '"1","plain","1.5"\n"2",,\n"3","","-2"\n"4","tab\there\nline\\","0"\n'
    '"5","quo""te, comma","1000"\n"6"," pad ","7"\n"7","\\.","8"\n"8","NULL","9"\n',
    "format csv, force_quote (a)": '"1",plain,1.5\n"2",,\n"3","",-2\n"4","tab\there\nline\\",0\n'
    '"5","quo""te, comma",1000\n"6", pad ,7\n"7",\\.,8\n"8",NULL,9\n',
}


def copied_out(wire, options: str) -> str:
    seen = wire.talk(query(f"copy ({ROWS}) to stdout" + f" ({options})" * bool(options)))
    assert seen[-1] == ("Z", b"I") and seen[-2][0] == "C", transcript(seen)
    return b"".join(body for kind, body in seen if kind == "d").decode()


@pytest.mark.parametrize("options", OUT)
def test_options_out(wire, options):
    assert copied_out(wire, options) == OUT[options]


def test_a_lone_end_marker_is_quoted(wire):
    seen = wire.talk(query("copy (select '\\.' union all select 'x') to stdout csv"))
    assert transcript(seen) == 'H(0,1) d("\\.") d(x) c C(COPY 2) Z(I)'


@pytest.mark.parametrize("options", OUT)
def test_what_went_out_comes_in_again(wire, options):
    """For every way to write there is the same way to read; where NULL is told apart at all."""
    wire.run("create temp table c (a int, b text, c numeric)")
    inward = ", ".join(one for one in options.split(", ") if not one.startswith("force_quote"))
    data = copied_out(wire, options).encode()
    wire.send(query("copy c from stdin" + f" ({inward})" * bool(inward)))
    # In pieces that end anywhere.
    pieces = [copy_data(data[at : at + 7]) for at in range(0, len(data), 7)]
    assert transcript(wire.talk(*pieces, COPY_DONE)) == "G(0,3) C(COPY 8) Z(I)"
    differing = wire.run(
        f"select c.a, c.b, t.b from c join ({ROWS}) t on t.a = c.a"
        " where c.b is distinct from t.b or c.c is distinct from t.c"
    )
    # Text with a null string of its own cannot write that string.
    assert differing == ([["8", None, "NULL"]] if options.startswith("delimiter") else [])


IN = {
    "the end marker": ("", "1\tx\n2\ty\n\\.\n", [("1", "x"), ("2", "y")]),
    "no newline at the end": ("", "1\tx\n2\ty", [("1", "x"), ("2", "y")]),
    "carriage returns": ("", "1\tx\r\n2\ty\r\n", [("1", "x"), ("2", "y")]),
    "escapes": ("", "1\t\\x41\\101\\b\\\\\\q\n", [("1", "AA\b\\q")]),
    "an escaped delimiter": ("", "1\ta\\\tb\n", [("1", "a\tb")]),
    "null and empty": ("", "1\t\\N\n2\t\n", [("1", None), ("2", "")]),
    "nothing": ("", "", []),
    "header": ("header", "a\tb\n1\tx\n", [("1", "x")]),
    "header that matches": ("header match", "a\tb\n1\tx\n", [("1", "x")]),
    "csv": ("format csv", '1,"x,y"\n2,"a""b"\n', [("1", "x,y"), ("2", 'a"b')]),
    "csv, lines": ("format csv", '1,"x\ny"\n', [("1", "x\ny")]),
    "csv, null and empty": ("format csv", '1,\n2,""\n', [("1", None), ("2", "")]),
    "csv, a null string": (
        "format csv, null 'NULL'",
        '1,NULL\n2,"NULL"\n',
        [("1", None), ("2", "NULL")],
    ),
    "csv, force_null": ("format csv, null 'x', force_null (b)", '1,"x"\n', [("1", None)]),
    "csv, force_not_null": ("format csv, force_not_null (b)", "1,\n", [("1", "")]),
    "csv, half quoted": ("format csv", '1,a"b,c"d\n', [("1", "ab,cd")]),
    "csv, blanks": ("format csv", "1, x \n", [("1", " x ")]),
    "csv, backslash": ("format csv", "1,\\N\n2,a\\tb\n", [("1", "\\N"), ("2", "a\\tb")]),
    "csv, other quote and escape": (
        *("format csv, quote '$', escape '!', delimiter '|'", "1|$x!$y!!z$\n", [("1", "x$y!z")]),
    ),
}


@pytest.mark.parametrize("label", IN)
def test_options_in(wire, label):
    options, data, rows = IN[label]
    wire.run("create temp table c (a int, b text)")
    wire.send(query("copy c from stdin" + f" ({options})" * bool(options)))
    said = transcript(wire.talk(*([copy_data(data.encode())] if data else []), COPY_DONE))
    assert said == f"G(0,2) C(COPY {len(rows)}) Z(I)"
    assert [tuple(row) for row in wire.run("select a, b from c order by a")] == rows


REFUSED = {
    "copy c from stdin (format nope)": "22023",
    "copy c from stdin (nope)": "42601",
    "copy c from stdin (delimiter 'ab')": "0A000",
    "copy c from stdin (format csv, quote 'ab')": "0A000",
    "copy c from stdin (format csv, delimiter '\"')": "22023",
    "copy c from stdin (format csv, format csv)": "42601",
    "copy c (nope) from stdin": "42703",
    "copy c (a, a) from stdin": "42701",
    "copy nope to stdout": "42P01",
    "copy (select nope) to stdout": "42703",
    "copy (select 1/0) to stdout": "22012",
    "copy c from stdin (format binary, header)": "0A000",
    "copy c to stdout (force_null (a))": "0A000",
    "copy c from stdin (delimiter '')": "0A000",
    "copy c from stdin (delimiter E'\\n')": "22023",
    "copy c from stdin (delimiter 'a')": "22023",
    "copy c from stdin (delimiter '\\')": "22023",
    "copy c from stdin (format csv, escape 'ab')": "0A000",
    "copy c from stdin (quote 'x')": "0A000",
    "copy c from stdin (escape 'x')": "0A000",
    "copy c from stdin (format binary, delimiter 'x')": "42601",
    "copy c from stdin (format binary, null 'x')": "42601",
    "copy c from stdin (format binary, quote 'x')": "0A000",
    "copy c to stdout (format csv, force_null (a))": "0A000",
    "copy c to stdout (format csv, force_not_null (a))": "0A000",
    "copy c from stdin (format csv, force_quote (a))": "0A000",
    "copy c to stdout (force_quote (a))": "0A000",
    "copy c from stdin (format csv, force_null (nope))": "42703",
    "copy c from stdin (format csv, force_not_null (nope))": "42703",
    "copy c (a) from stdin (format csv, force_null (b))": "42P10",
    "copy c to stdout (format csv, force_quote (nope))": "42703",
    "copy c (a) to stdout (format csv, force_quote (b))": "42P10",
    "copy c (a, a) to stdout": "42701",
    "copy c (nope) to stdout": "42703",
    "copy c from stdin (format csv, force_null (a), force_null (b))": "42601",
    "copy c from stdin (null E'a\\nb')": "22023",
    "copy c from stdin (null E'a\\tb')": "0A000",
    "copy c from stdin (format csv, null 'a\"b')": "0A000",
    "copy c from stdin (header match, header)": "42601",
    "copy c to stdout (header match)": "0A000",
    "copy c from stdin (header maybe)": "42601",
    "copy c from stdin (header 2)": "42601",
    "copy c from stdin (freeze maybe)": "42601",
    "copy c from stdin (encoding 'nope')": "22023",
    "copy c from stdin (format)": "42601",
    "copy c from stdin (delimiter)": "42601",
    "copy c to stdout (format csv, force_quote)": "22023",
    "copy c from stdin (format csv, force_null *)": "22023",
    "copy c from stdin (format csv, force_null a)": "22023",
    "copy c from stdin (default 'x')": "42601",
    "copy c from stdin ()": "42601",
    "copy c from stdin csv csv": "42601",
    "copy c from stdin csv header header": "42601",
    "copy c from stdin csv delimiter ';' delimiter ','": "42601",
    "copy binary c from stdin with csv": "42601",
    "copy (select 1) from stdin": "42601",
    "copy c to stdout where a = 1": "42601",
    "copy (insert into c values (1, 'x')) to stdout": "0A000",
    "copy (delete from c) to stdout": "0A000",
    "copy (select 1; select 2) to stdout": "42601",
    "copy () to stdout": "42601",
    "copy (create table x (a int)) to stdout": "42601",
    "copy (select 1 as a into foo) to stdout": "0A000",
}


@pytest.mark.parametrize("sql", REFUSED)
def test_refused(wire, sql):
    wire.run("create temp table c (a int, b text)")
    wire.socket.settimeout(5)  # a server that takes the statement waits for data
    assert transcript(wire.talk(query(sql))).split()[-2:] == [f"E({REFUSED[sql]})", "Z(I)"]
    assert wire.run("select count(*) from c") == [["0"]]


def test_a_query_with_returning_is_copied(wire):
    wire.run("create temp table c (a int)")
    said = query("copy (insert into c values (1), (2) returning a) to stdout")
    assert transcript(wire.talk(said)) == "H(0,1) d(1) d(2) c C(COPY 2) Z(I)"
    assert wire.run("select count(*) from c") == [["2"]]


def test_a_read_only_transaction_copies_out_only(wire):
    wire.run("create temp table c (a int)")
    wire.run("create table if not exists copied_out (a int)")
    wire.run("begin read only")
    assert transcript(wire.talk(query("copy copied_out to stdout"))) == "H(0,1) c C(COPY 0) Z(T)"
    assert transcript(wire.talk(query("copy copied_out from stdin"))) == "E(25006) Z(E)"
    wire.run("rollback")


WRONG = {
    "header that does not match": ("header match", "a\tx\n1\tx\n", "22P04"),
    "a value that does not fit": ("", "99999999999\tx\n", "22003"),
    "a carriage return and none": ("", "1\tx\r\n2\ty\n", "22P04"),
    "csv, too many": ("format csv", "1,2,3\n", "22P04"),
    "bytes that are no UTF-8": ("", "1\t\udcff\n", "22021"),
    "a null byte": ("", "1\t\0\n", "22021"),
}


@pytest.mark.parametrize("label", WRONG)
def test_wrong_data_copies_nothing(wire, label):
    options, data, state = WRONG[label]
    wire.run("create temp table c (a int, b text)")
    wire.send(query("copy c from stdin" + f" ({options})" * bool(options)))
    said = wire.talk(copy_data(data.encode(errors="surrogateescape")), COPY_DONE)
    assert transcript(said) == f"G(0,2) E({state}) Z(I)"
    assert wire.run("select count(*) from c") == [["0"]]


def test_an_error_in_a_row_names_line_and_column(wire):
    wire.run("create temp table c (a int, b text)")
    wire.send(query("copy c from stdin"))
    seen = wire.talk(copy_data(b"1\tx\n2\ty\nz\tw\n"), COPY_DONE)
    error = next(body for kind, body in seen if kind == "E").decode()
    assert "line 3, column a" in error and '"z"' in error


CONTEXTS = {
    "a value": ("", "1\tx\n2\ty\nz\tw\n", 'COPY c, line 3, column a: "z"'),
    "a value, csv": ("format csv", '1,"x\ny"\n"z",w\n', 'COPY c, line 2, column a: "z"'),
    "a value, csv, further on": (
        "format csv",
        '1,x\n2,"x\ny"\n"z",w\n',
        'COPY c, line 4, column a: "z"',
    ),
    "a long value": ("", "y" * 150 + "\tw\n", f'COPY c, line 1, column a: "{"y" * 100}..."'),
    "out of range": ("", "99999999999\tx\n", 'COPY c, line 1, column a: "99999999999"'),
    "too few": ("", "1\tx\n2\n", 'COPY c, line 2: "2"'),
    "too many": ("", "1\tx\ty\n", 'COPY c, line 1: "1\tx\ty"'),
    "no end of a quoted value": ("format csv", '1,"x\n', 'COPY c, line 1: "1,"x\n"'),
    "behind a header": ("format csv, header", "a,b\nz,1\n", 'COPY c, line 2, column a: "z"'),
    "no UTF-8": ("", "1\tx\n2\t\udcff\n", "COPY c, line 2"),
    "a row of binary": (
        "format binary",
        "PGCOPY\n\udcff\r\n\0" + "\0" * 8 + "\0\2\0\0\0\1x\udcff\udcff\udcff\udcff",
        "COPY c, line 1, column a",
    ),
}


@pytest.mark.parametrize("label", CONTEXTS)
def test_an_error_has_its_context(wire, label):
    options, data, context = CONTEXTS[label]
    wire.run("create temp table c (a int, b text)")
    wire.send(query("copy c from stdin" + f" ({options})" * bool(options)))
    seen = wire.talk(copy_data(data.encode(errors="surrogateescape")), COPY_DONE)
    error = next(fields_of(body) for kind, body in seen if kind == "E")
    assert error["W"] == context, error


@pytest.mark.parametrize("form", ["text", "csv", "binary"])
def test_text_that_is_no_utf8_is_refused_in_every_format(wire, form):
    data = {
        "text": b"\xc3(\n",
        "csv": b'"\xc3("\n',
        "binary": b"PGCOPY\n\xff\r\n\0" + bytes(8) + b"\0\1\0\0\0\2\xc3(\xff\xff",
    }[form]
    wire.run("create temp table c (b text)")
    wire.send(query(f"copy c from stdin (format {form})"))
    said = transcript(wire.talk(copy_data(data), COPY_DONE))
    assert said.endswith("E(22021) Z(I)")
    assert wire.run("select count(*) from c") == [["0"]]


MANY = b"".join(b"%d\tx\n" % number for number in range(1000, 201_000))
ENDS = {
    "leaves": None,
    "resets the connection": None,
    "says goodbye": TERMINATE,
    "fails": copy_fail("no more"),
    "sends a wrong row": copy_data(b"z\tx\n") + COPY_DONE,
    "sends nonsense": b"?\0\0\0\4",
    "sends a query": query("select 1"),
}


@pytest.mark.parametrize("end", ENDS)
def test_nothing_stays_of_a_copy_that_breaks_after_many_rows(pg, table, end):
    with connect(pg) as wire:
        wire.send(query(f"copy {table} from stdin"))
        wire.until("G")
        for at in range(0, len(MANY), 1 << 16):
            wire.send(copy_data(MANY[at : at + (1 << 16)]))
        if end == "resets the connection":
            wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if said := ENDS[end]:
            wire.send(said)
        if end == "fails":
            assert transcript(wire.until("Z")) == "E(57014) Z(I)"
        if end == "sends a wrong row":
            seen = wire.until("Z")
            assert transcript(seen) == "E(22P02) Z(I)"
            assert fields_of(seen[0][1])["W"] == f'COPY {table}, line 200001, column a: "z"'
    eventually(lambda: pg.running_queries() == 0)
    with connect(pg) as wire:
        assert wire.run(f"select count(*) from {table}") == [["3"]]
        wire.run(f"insert into {table} values (4, 'x')")


def test_copy_in_a_transaction_is_rolled_back_with_it(wire):
    wire.run("create temp table c (a int)")
    wire.run("begin")
    wire.send(query("copy c from stdin"), copy_data(b"1\n"), COPY_DONE)
    assert transcript(wire.until("Z")) == "G(0,1) C(COPY 1) Z(T)"
    assert wire.run("select count(*) from c") == [["1"]]
    wire.run("rollback")
    assert wire.run("select count(*) from c") == [["0"]]


def test_a_client_that_leaves_in_the_middle_copies_nothing(pg, table):
    with connect(pg) as wire:
        wire.send(query(f"copy {table} from stdin"), copy_data(b"9\tx\n" * 1000))
        assert wire.receive()[0] == "G"
    with connect(pg) as wire:
        assert wire.run(f"select count(*) from {table} where a = 9") == [["0"]]


def test_sync_and_flush_during_a_copy_are_ignored(wire):
    wire.run("create temp table c (a int)")
    wire.send(query("copy c from stdin"), copy_data(b"1\n"), SYNC, copy_data(b"2\n"), COPY_DONE)
    assert transcript(wire.until("Z")) == "G(0,1) C(COPY 2) Z(I)"


def test_a_query_during_a_copy_ends_it(wire):
    wire.run("create temp table c (a int)")
    wire.send(query("copy c from stdin"), copy_data(b"1\n"), query("select 1"))
    said = transcript(wire.until("E"))
    assert said == "G(0,1) E(08P01)"
