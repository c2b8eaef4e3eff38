//! Tables over files, as views.
//!
//! DuckDB reads the files when a view is made. A place that cannot be read at the start of a worker must not keep it from
//! serving everything else, so the view then says why when it is read, and is tried again.

use super::{catalog_place, run};
use crate::engine::{Connection, EngineError, literal, quoted};

/// A table that is read where it lies.
#[derive(Clone, Debug)]
pub(crate) struct View {
    catalog: String,
    table: String,
    scan: String,
}

impl View {
    pub(super) fn new(catalog: &str, table: &str, scan: String) -> Self {
        Self { catalog: catalog.to_owned(), table: table.to_owned(), scan }
    }

    /// Makes the view.
    ///
    /// # Errors
    /// Why its files cannot be read, for the log: it names the catalog and the table.
    pub(crate) fn make(&self, connection: &Connection) -> Result<(), String> {
        let sql = format!("CREATE OR REPLACE VIEW {} AS FROM {}", self.name(), self.scan);
        run(connection, &self.place(), &sql, &[]).map_err(|error| error.to_string())
    }

    /// Makes a view in its place that tells `reason` when it is read.
    ///
    /// # Errors
    /// What DuckDB says.
    pub(super) fn excuse(&self, connection: &Connection, reason: &str) -> Result<(), EngineError> {
        let reason = reason.split("\n\nLINE ").next().unwrap_or_default();
        // In the filter, as a column that nobody asks for would not be computed, and the table count as one row.
        let sql = format!(
            "CREATE OR REPLACE VIEW {} AS SELECT NULL AS unavailable WHERE error({}) IS NULL",
            self.name(),
            literal(&format!("{reason}; the server tries it again every {} seconds", super::TRY_AGAIN_SECONDS)),
        );
        connection.execute(&sql).map(|_| ())
    }

    fn name(&self) -> String {
        format!("{}.main.{}", quoted(&self.catalog), quoted(&self.table))
    }

    fn place(&self) -> String {
        format!("{}, table `{}`", catalog_place(&self.catalog), self.table)
    }
}
