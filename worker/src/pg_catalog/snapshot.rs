//! The user's objects as PostgreSQL's catalog shows them, kept ready to be read.
//!
//! A catalog query that reads DuckDB's own functions through the views of `pgc` takes tens of milliseconds, most of
//! them for planning views over views, and a recursive one many seconds. So the rows of those views are kept in tables, in
//! the database [`ROWS_DATABASE`] in memory, and every connection reads them there. They are taken anew by the first
//! question after a change of the catalog, which the worker counts. Taking them is two prepared statements a table, so that nothing
//! is planned again. A session with temporary objects or with changes that are not committed sees what nobody else
//! does: it reads the live state, or, before a question that would be slow, keeps rows of its own in temporary tables.

use std::sync::{Arc, Mutex, PoisonError};

use crate::engine::{Connection, EngineError, Prepared};
use crate::session::changes::{CatalogState, Changed, Changes};

/// The database with the kept rows. Statements of users may read it and do nothing else with it.
pub(crate) const ROWS_DATABASE: &str = "pgc_rows";
/// Where a session keeps rows of its own.
const OWN: &str = "temp.main.pgc_";

/// Views of `pgc.now` that read DuckDB's functions. The macros are the last, because listing DuckDB's functions takes
/// longest and is needed after changes of functions only.
const BASE: [&str; 9] =
    ["relation", "sequence", "field", "rule", "created_index", "enum", "schema", "view_text", MACRO];
const MACRO: &str = "macro";
/// Those that are made of the former, each after what it reads.
const DERIVED: [&str; 18] = [
    "fields",
    "index",
    "named",
    "type_name",
    "key",
    "defined",
    "type_key",
    "rule_text",
    "index_text",
    "description",
    "pg_class",
    "own_attribute",
    "pg_type",
    "pg_constraint",
    "pg_index",
    "pg_namespace",
    "pg_attrdef",
    "pg_enum",
];

/// Where a connection reads the rows of the user's objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rows {
    /// From DuckDB's functions.
    Live,
    /// From the tables that all share.
    Shared,
    /// From its own temporary tables.
    Own,
}

impl Rows {
    /// The statements that tell a connection.
    pub(crate) fn statements(self) -> [String; 2] {
        let variables = ["pg_base", "pg_derived"];
        match self {
            Self::Live => variables.map(|name| format!("RESET VARIABLE {name}")),
            Self::Shared => variables.map(|name| format!("SET VARIABLE {name} = '{ROWS_DATABASE}.main.'")),
            Self::Own => variables.map(|name| format!("SET VARIABLE {name} = '{OWN}'")),
        }
    }
}

/// The rows that all share.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    taker: Arc<Mutex<Taker>>,
}

#[derive(Debug)]
struct Taker {
    connection: Connection,
    /// For each table what empties and what fills it. These plans outlive the rows they were made on, which is sound here and not
    /// elsewhere: of a table that the same transaction has written DuckDB uses no statistics.
    steps: Vec<(&'static str, Prepared, Prepared)>,
    /// What the rows are of.
    taken: Option<CatalogState>,
}

impl Snapshot {
    /// No rows are taken yet. The connection is one of its own, in the database that sessions begin in.
    ///
    /// # Errors
    /// When DuckDB does not take the views.
    pub(crate) fn new(connection: Connection) -> Result<Self, EngineError> {
        let mut steps = Vec::with_capacity(BASE.len() + DERIVED.len());
        for view in BASE.into_iter().chain(DERIVED) {
            let table = format!("{ROWS_DATABASE}.main.{view}");
            connection.execute(&format!("CREATE TABLE {table} AS FROM pgc.now.{view} LIMIT 0"))?;
            let fill = connection.prepare(&format!("INSERT INTO {table} FROM pgc.now.{view}"))?;
            steps.push((view, connection.prepare(&format!("DELETE FROM {table}"))?, fill));
            if view == MACRO {
                // The rest is planned over the tables.
                connection.execute(&format!("SET VARIABLE pg_base = '{ROWS_DATABASE}.main.'"))?;
            }
        }
        Ok(Self { taker: Arc::new(Mutex::new(Taker { connection, steps, taken: None })) })
    }

    /// Sees to it that the rows are those of this state, or of a later one.
    ///
    /// # Errors
    /// When DuckDB could not take them.
    pub(crate) fn bring_to(&self, state: CatalogState, changes: &Changes) -> Result<(), EngineError> {
        let mut taker = self.taker.lock().unwrap_or_else(PoisonError::into_inner);
        if taker.taken.is_some_and(|taken| taken.changes >= state.changes) {
            return Ok(());
        }
        let skip_macros = taker.taken.is_some_and(|taken| taken.function_changes == state.function_changes);
        taker.taken = None;
        let _change = changes.begin(Changed::Rows);
        taker.connection.execute("BEGIN")?;
        let taken = taker.take(skip_macros);
        taker.connection.execute(if taken.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
        taken?;
        // What changed meanwhile has another number, so rows that hold it already are not taken for more than they are.
        taker.taken = Some(state);
        Ok(())
    }
}

impl Taker {
    fn take(&mut self, skip_macros: bool) -> Result<(), EngineError> {
        for (view, empty, fill) in &mut self.steps {
            if *view == MACRO && skip_macros {
                continue;
            }
            for step in [empty, fill] {
                let mut result = step.execute()?;
                while result.next_chunk()?.is_some() {}
            }
        }
        Ok(())
    }
}

/// Takes rows of its own for a connection, which reads the live state now.
///
/// # Errors
/// When DuckDB could not take them.
pub(crate) fn take_own(connection: &Connection) -> Result<(), EngineError> {
    for view in BASE.into_iter().chain(DERIVED) {
        connection.execute(&format!("CREATE OR REPLACE TEMP TABLE {OWN}{view} AS FROM pgc.now.{view}"))?;
        if view == MACRO {
            connection.execute(&format!("SET VARIABLE pg_base = '{OWN}'"))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_a_view_reads_from_kept_rows_is_kept() {
        let scripts = super::super::SCRIPTS.concat();
        let reads = |kind: &str| {
            let call = format!("query_table(pgc.fixed.{kind}('");
            let mut views: Vec<&str> =
                scripts.split(call.as_str()).skip(1).filter_map(|rest| rest.split('\'').next()).collect();
            views.sort_unstable();
            views.into_iter().map(str::to_owned).collect::<Vec<_>>()
        };
        let sorted = |views: &[&str]| {
            let mut views: Vec<String> = views.iter().map(|view| (*view).to_owned()).collect();
            views.sort_unstable();
            views
        };
        assert_eq!(reads("base"), sorted(&BASE));
        assert_eq!(reads("derived"), sorted(&DERIVED));
    }
}
