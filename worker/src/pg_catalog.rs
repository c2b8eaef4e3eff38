//! `pg_catalog` and `information_schema` for clients of the PostgreSQL frontend.
//!
//! Drivers and tools read PostgreSQL's catalogs to find tables, types and functions, and believe
//! what they find: column sets, type names and numbers must be PostgreSQL's. DuckDB has a
//! `pg_catalog` of its own with a part of that, and nobody can add to it. So every worker makes a
//! small database file at its start and attaches it read-only as [`DATABASE`]: tables with the rows
//! that are the same in every PostgreSQL 15, views of the user's objects over DuckDB's own
//! functions, and macros for PostgreSQL's functions. The frontend's translation turns
//! `pg_catalog.x` into `pgc.x`; bare names are found by a `search_path` that ends in `pgc.main`.
//!
//! What the views show is also kept ready in tables ([`snapshot`]).
//!
//! Object numbers are hashes of names, so that they are the same on every worker and after a restart.
//! The frontend tells who the user is through session variables: `pg_user`, `pg_role`, `pg_backend`,
//! `pg_started`, `pg_settings` (a map of text to text) and `pg_activity` (see statistics.sql).

pub(crate) mod snapshot;

use snapshot::ROWS_DATABASE;

use crate::engine::{literal, quoted};

/// The name under which the catalog is attached; its SQL and the frontend's translation rely on it.
pub(crate) const DATABASE: &str = "pgc";

/// Tables of the fixed rows, and an empty one for every catalog that DuckDB has nothing for.
const TABLES: &str = include_str!("pg_catalog/fixed.sql");
/// The fixed rows: a line `== table` with the names of its columns, then a line a row, all split by tabs.
const ROWS: &str = include_str!("pg_catalog/fixed.tsv");
/// Views and macros, each file on those before it.
const SCRIPTS: [&str; 7] = [
    include_str!("pg_catalog/identity.sql"),
    include_str!("pg_catalog/live.sql"),
    include_str!("pg_catalog/functions.sql"),
    include_str!("pg_catalog/session.sql"),
    include_str!("pg_catalog/catalog.sql"),
    include_str!("pg_catalog/statistics.sql"),
    include_str!("pg_catalog/information_schema.sql"),
];

/// Makes the catalog in a new file and attaches it read-only.
///
/// `run` runs one statement, always on the same connection, which must not be in a transaction. `home` is
/// the database that this connection is in; `more` are scripts of `CREATE` statements without a database's
/// name (the translation's macros), which go into the catalog too, ahead of its own: where both make a function,
/// the catalog's counts. A file that is there already
/// is an error, because half a catalog could be in it.
pub(crate) fn make<E>(
    file: &str,
    home: &str,
    more: &[&str],
    run: &mut dyn FnMut(&str) -> Result<(), E>,
) -> Result<(), E> {
    let file = file.replace('\'', "''");
    // Macros with typed parameters, which the translation's are, need this version of the file format.
    run(&format!("ATTACH '{file}' AS {DATABASE} (STORAGE_VERSION 'v1.4.0')"))?;
    run(&format!("ATTACH ':memory:' AS {ROWS_DATABASE}"))?;
    run("BEGIN")?;
    statements(TABLES).try_for_each(&mut *run)?;
    ROWS.split("\n== ").try_for_each(|section| run(&insert(section.trim_start_matches("== "))))?;
    run(&format!("USE {DATABASE}"))?;
    more.iter().flat_map(|script| statements(script)).try_for_each(&mut *run)?;
    run(&format!("USE {}", quoted(home)))?;
    let own = literal(home);
    SCRIPTS.iter().flat_map(|script| statements(script)).try_for_each(|sql| run(&sql.replace("$home$", &own)))?;
    run("COMMIT")?;
    run(&format!("DETACH {DATABASE}"))?;
    run(&format!("ATTACH '{file}' AS {DATABASE} (READ_ONLY)"))
}

/// The statements of a script of ours: each ends with a semicolon at the end of a line, and nothing else does.
fn statements(script: &str) -> impl Iterator<Item = &str> {
    script.split(";\n").map(str::trim).filter(|statement| !statement.is_empty())
}

/// The statement that fills one table. The rows travel as one piece of text that DuckDB splits: much cheaper to
/// parse than a list of values.
fn insert(section: &str) -> String {
    let (header, rows) = section.split_once('\n').unwrap_or((section, ""));
    let mut names = header.split('\t');
    let table = names.next().unwrap_or_default();
    let names: Vec<String> = names.map(quoted).collect();
    let fields: Vec<String> = (1..=names.len()).map(|place| format!("nullif(f[{place}], '\\N')")).collect();
    format!(
        "INSERT INTO {DATABASE}.fixed.{table} ({}) SELECT {} FROM \
         (SELECT string_split(unnest(string_split($rows${}$rows$, chr(10))), chr(9)) AS f)",
        names.join(", "),
        fields.join(", "),
        rows.trim_end_matches('\n'),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made() -> Vec<String> {
        let mut ran = Vec::new();
        let result: Result<(), ()> = make("/x/it's.db", "tavana", &["CREATE MACRO a() AS 1;\n"], &mut |sql| {
            ran.push(sql.to_owned());
            Ok(())
        });
        assert_eq!(result, Ok(()));
        ran
    }

    #[test]
    fn statements_come_one_by_one_and_in_order() {
        let ran = made();
        assert_eq!(ran[0], "ATTACH '/x/it''s.db' AS pgc (STORAGE_VERSION 'v1.4.0')");
        assert_eq!(ran[1..3], ["ATTACH ':memory:' AS pgc_rows", "BEGIN"]);
        let tail: Vec<&str> = ran[ran.len() - 3..].iter().map(String::as_str).collect();
        assert_eq!(tail, ["COMMIT", "DETACH pgc", "ATTACH '/x/it''s.db' AS pgc (READ_ONLY)"]);
        let more = ran.iter().position(|sql| sql == "USE pgc").unwrap();
        assert_eq!(ran[more + 1..more + 3], ["CREATE MACRO a() AS 1", "USE \"tavana\""]);
        assert!(ran[more + 3].contains("CREATE SCHEMA pgc.now"), "{}", ran[more + 3]);
        for sql in &ran[3..ran.len() - 3] {
            assert!(sql.starts_with("INSERT INTO pgc.fixed.") || !sql.contains(";\n"), "{sql}");
        }
    }

    #[test]
    fn every_row_has_its_tables_columns() {
        for section in ROWS.split("\n== ") {
            let mut lines = section.trim_start_matches("== ").lines();
            let header = lines.next().unwrap();
            let columns = header.split('\t').count() - 1;
            for line in lines {
                assert_eq!(line.split('\t').count(), columns, "{header}\n{line}");
                assert!(!line.contains("$rows$"), "{line}");
            }
        }
    }

    #[test]
    fn an_error_stops_the_making() {
        let mut count = 0;
        let result = make("f", "h", &[], &mut |_| {
            count += 1;
            if count == 3 { Err("full") } else { Ok(()) }
        });
        assert_eq!((result, count), (Err("full"), 3));
    }
}
