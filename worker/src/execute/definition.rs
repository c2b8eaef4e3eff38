//! Where tables and views may be defined.
//!
//! In a catalog whose tables are given by the server's configuration nobody may define, replace or drop any: others would read
//! something else under the same name.

use tavana_wire::{Failure, FailureKind};

use crate::engine::Connection;
use crate::statement::{DefinedIn, Policy};

/// Refuses a definition in a catalog that the server's configuration gives.
///
/// # Errors
/// `PermissionDenied` with the reason; what DuckDB says.
pub(crate) fn check_target(policy: &Policy, connection: &Connection, target: &DefinedIn) -> Result<(), Failure> {
    let given = |name: &str| policy.given.iter().any(|given| given.eq_ignore_ascii_case(name));
    let current = || Ok::<_, Failure>(connection.current("system.main.current_database()")?);
    let catalog = match target {
        _ if policy.given.is_empty() => return Ok(()),
        DefinedIn::Named(name) if given(name) || is_attached(connection, name)? => name.clone(),
        // A schema of the current one.
        DefinedIn::Named(_) | DefinedIn::Current => current()?,
    };
    if !given(&catalog) {
        return Ok(());
    }
    let message = format!(
        "the tables of the catalog `{catalog}` are given by the server's configuration and can be read only; write to another catalog"
    );
    Err(Failure::new(FailureKind::PermissionDenied, message))
}

fn is_attached(connection: &Connection, name: &str) -> Result<bool, Failure> {
    let sql = "SELECT 1 FROM system.main.duckdb_databases() WHERE lower(database_name) = lower(?)";
    Ok(connection.query(sql, &[name])?.iter().any(|batch| batch.num_rows() > 0))
}
