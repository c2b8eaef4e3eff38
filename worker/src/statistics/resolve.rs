//! Which table or view a name means.
//!
//! DuckDB tells no client what it bound a name to, so its rules are followed over its list of tables: temporary ones first, then
//! the session's search path. Where they are followed wrongly the schema, which DuckDB binds itself, is still right.

use tavana_wire::Failure;

use super::rows::Rows;
use crate::engine::Connection;

/// A table or view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) database: String,
    pub(super) schema: String,
    pub(super) name: String,
    /// The statement that made it.
    pub(super) sql: String,
    /// Rows that its catalog expects in it.
    pub(super) rows: Option<u64>,
    /// How many indexes it has, keys among them.
    pub(super) indexes: u64,
    pub(super) is_view: bool,
}

/// Catalog and schema of a place.
pub(super) type Place = (String, String);

/// The places where names are looked for, the first first.
pub(super) fn search_path(connection: &Connection) -> Result<Vec<Place>, Failure> {
    let database = connection.current("system.main.current_database()")?;
    let schema = connection.current("system.main.current_schema()")?;
    let path = connection.current("system.main.current_setting('search_path')")?;
    Ok(places(&database, &schema, &path))
}

fn places(database: &str, schema: &str, path: &str) -> Vec<Place> {
    let place = |database: &str, schema: &str| (database.to_owned(), schema.to_owned());
    let mut places = vec![place("temp", "main"), place(database, schema)];
    for part in path.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let plain = |name: &str| name.trim_matches('"').to_owned();
        places.push(match part.split_once('.') {
            Some((database, schema)) => (plain(database), plain(schema)),
            None => (database.to_owned(), plain(part)),
        });
    }
    places.extend([place(database, "main"), place("system", "main")]);
    places
}

const TABLES: &str = "SELECT database_name, schema_name, table_name, sql, estimated_size, index_count
    FROM system.main.duckdb_tables() WHERE system.main.lower(table_name) = system.main.lower($1)";
const VIEWS: &str = "SELECT database_name, schema_name, view_name, sql, NULL::BIGINT, 0
    FROM system.main.duckdb_views() WHERE system.main.lower(view_name) = system.main.lower($1)";

/// The table or view of this name, of one to three parts.
///
/// # Errors
/// What DuckDB says of its catalogs.
pub(super) fn resolve(connection: &Connection, parts: &[String], path: &[Place]) -> Result<Option<Entry>, Failure> {
    let Some(name) = parts.last() else { return Ok(None) };
    let mut entries = Vec::new();
    for (sql, is_view) in [(TABLES, false), (VIEWS, true)] {
        let rows = Rows::read(connection, sql, &[name])?;
        let (databases, schemas, names) = (rows.texts(0)?, rows.texts(1)?, rows.texts(2)?);
        let (statements, estimates, indexes) = (rows.texts(3)?, rows.counts(4)?, rows.counts(5)?);
        for row in 0..rows.len() {
            let text = |texts: &[Option<String>]| texts[row].clone().unwrap_or_default();
            entries.push(Entry {
                database: text(&databases),
                schema: text(&schemas),
                name: text(&names),
                sql: text(&statements),
                rows: estimates[row],
                indexes: indexes[row].unwrap_or_default(),
                is_view,
            });
        }
    }
    Ok(choose(parts, path, entries))
}

/// The entry that DuckDB would take of those that have the right name.
fn choose(parts: &[String], path: &[Place], entries: Vec<Entry>) -> Option<Entry> {
    let rank = |entry: &Entry| {
        let at = |is_it: &dyn Fn(&Place) -> bool| path.iter().position(is_it);
        let in_database = |place: &Place| same(&place.0, &entry.database);
        match parts {
            [_] => at(&|place| in_database(place) && same(&place.1, &entry.schema)),
            // The first part is a schema on the path, or else a catalog, whose main schema is meant.
            [first, _] if same(first, &entry.schema) => at(&in_database),
            [first, _] if same(first, &entry.database) => {
                ["main", "public"].contains(&entry.schema.as_str()).then_some(path.len())
            }
            [database, schema, _] => (same(database, &entry.database) && same(schema, &entry.schema)).then_some(0),
            _ => None,
        }
    };
    let ranked = entries.into_iter().filter_map(|entry| Some((rank(&entry)?, entry)));
    ranked.min_by_key(|(rank, _)| *rank).map(|(_, entry)| entry)
}

/// Whether two names are one to DuckDB.
pub(super) fn same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_mean_what_the_path_says() {
        let entry = |database: &str, schema: &str| Entry {
            database: database.to_owned(),
            schema: schema.to_owned(),
            name: "t".to_owned(),
            sql: String::new(),
            rows: None,
            indexes: 0,
            is_view: false,
        };
        let all = || {
            vec![
                entry("lake", "s"),
                entry("lake", "main"),
                entry("memory", "main"),
                entry("temp", "main"),
                entry("crm", "public"),
            ]
        };
        let check = |parts: &[&str], entries: Vec<Entry>, expected: Option<(&str, &str)>| {
            let parts: Vec<String> = parts.iter().map(|&part| part.to_owned()).collect();
            let path = places("lake", "main", "lake.main,\"memory\".main");
            let found = choose(&parts, &path, entries);
            let found = found.as_ref().map(|entry| (entry.database.as_str(), entry.schema.as_str()));
            assert_eq!(found, expected, "{parts:?}");
        };
        check(&["t"], all(), Some(("temp", "main")));
        check(&["T"], all()[..3].to_vec(), Some(("lake", "main")));
        check(&["t"], vec![entry("memory", "main")], Some(("memory", "main")));
        check(&["t"], vec![entry("crm", "public")], None);
        check(&["S", "t"], all(), Some(("lake", "s")));
        check(&["crm", "t"], all(), Some(("crm", "public")));
        check(&["memory", "t"], all(), Some(("memory", "main")));
        check(&["memory", "main", "t"], all(), Some(("memory", "main")));
        check(&["memory", "s", "t"], all(), None);
        check(&[], all(), None);
    }
}
