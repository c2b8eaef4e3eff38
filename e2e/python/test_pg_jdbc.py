"""pgjdbc; the conversations are in harness/pg_jdbc.java."""

from pathlib import Path

import pytest

from harness.pg_programs import needed, run

JAR = Path("/usr/share/java/postgresql.jar")
SOURCE = Path(__file__).parent / "harness" / "pg_jdbc.java"


@pytest.fixture(scope="module")
def classes(pg, tmp_path_factory):
    needed("javac")
    if not JAR.exists():
        pytest.skip("pgjdbc is not installed; tools/pg_clients.sh installs it")
    directory = tmp_path_factory.mktemp("jdbc")
    done = run(pg, "javac", "-cp", JAR, "-d", directory, SOURCE, seconds=100)
    assert done.returncode == 0, done.stderr
    return directory


TYPES = [
    "a int2 5 5 0 1",
    "b int4 4 10 0 2",
    "c int8 -5 19 0 3",
    "d float4 7 8 8 1.5",
    "e float8 8 17 17 2.5",
    "f numeric 2 9 2 1.50",
    "g bool -7 1 0 true",
    "h text 12 2147483647 0 x",
    "i varchar 12 3 0 y",
    "j date 91 13 0 2024-02-29",
    "k time 92 15 6 12:34:56",
    "l timestamp 93 29 6 2024-02-29 12:34:56.0",
    "m timestamptz 93 35 6 2024-02-29 12:00:00.0",
    "n bytea -2 2147483647 0 [1]",
    "o uuid 1111 2147483647 0 a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
    "p _int4 2003 10 0 [1, 2]",
    "q _text 2003 2147483647 0 [a, null]",
    'r json 1111 2147483647 0 {"a":1}',
    "s interval 1111 49 6 0 years 0 mons 1 days 0 hours 0 mins 0.0 secs",
    "2024-02-29T12:00:00Z a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
]
PREPARED = "it's ä -1.50 2024-02-29 2024-02-29 12:34:56.789 true [0, -1] 0.1"
EXPECTED = {
    "prepared": [f"1 {PREPARED}", f"12 {PREPARED}", "true untyped"],
    "types": TYPES * 2,
    "fetchSize": [*(f"{size} 500500" for size in (1, 7, 500, 1000, 0)), "1 between", "999"],
    "batch": ["1000 1000", "[1, 11]", "22P02", "0"],
    "metadata": [
        "PostgreSQL true",
        "jdbc_shop things TABLE",
        "jdbc_shop names VIEW",
        "id 4 int4 10 0 NO",
        "name 12 varchar 30 0 NO",
        "price 2 numeric 9 2 YES",
        "key id",
        "schema true",
        "int8 int4 varchar true things",
    ],
    "transactions": ["22012", "25P02", "2"],
    "errors": [
        *("42601 1 ERROR", "42703 8 ERROR", "42P01 15 ERROR", "22012 0 ERROR", "22P02 8 ERROR"),
    ],
    "cancel": ["57014", "1"],
    "copy": ["3", "3", '1,one|2,|3,"th,ree"|'],
    "keys": ["5"],
}
# In the simple mode the driver has no bytea, cannot ask what a parameter is, and each statement
# of a batch is a transaction.
SIMPLE = EXPECTED | {"batch": ["1000 1000", "[1, 11]", "22P02", "2"]}
SIMPLE = {section: SIMPLE[section] for section in SIMPLE if section not in ("prepared", "metadata")}
CASES = {("extended", section): lines for section, lines in EXPECTED.items()}
CASES |= {("simple", section): lines for section, lines in SIMPLE.items()}


@pytest.mark.parametrize("mode, section", CASES)
def test_jdbc(pg, classes, mode, section):
    url = f"jdbc:postgresql://{pg.host}:{pg.port}/{pg.database}"
    words = ["-Xmx256m", "-cp", f"{JAR}:{classes}", "PgJdbc", url, section]
    words += [f"user={pg.user}", f"preferQueryMode={mode}"]
    done = run(pg, "java", *words, seconds=100)
    assert done.returncode == 0, done.stderr
    found = done.stdout.splitlines()
    if section == "metadata":
        found, expected = sorted(found), sorted(CASES[mode, section])
    else:
        expected = CASES[mode, section]
    assert found == expected


@pytest.mark.parametrize(
    "option",
    [
        "binaryTransfer=false",
        "prepareThreshold=1",
        "prepareThreshold=-1",
        "reWriteBatchedInserts=true",
        "autosave=always",
    ],
)
def test_options(pg, classes, option):
    url = f"jdbc:postgresql://{pg.host}:{pg.port}/{pg.database}"
    for section in ("prepared", "batch") if "autosave" not in option else ("prepared",):
        words = ["-cp", f"{JAR}:{classes}", "PgJdbc", url, section, f"user={pg.user}", option]
        done = run(pg, "java", *words, seconds=100)
        assert done.returncode == 0, done.stderr
        found = done.stdout.splitlines()
        if option.startswith("reWrite") and section == "batch":
            assert found[0].endswith(" 1000") and found[1:] == EXPECTED[section][1:]
        else:
            assert found == EXPECTED[section]
