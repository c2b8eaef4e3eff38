//! Where tables and views may be defined.
//!
//! In a catalog whose tables are given by the server's configuration nobody may define, replace or drop any: others would read
//! something else under the same name.

use tavana_wire::{Failure, FailureKind};

use crate::engine::Connection;
use crate::statement::{DefinedIn, Policy, Statement};

/// Refuses a definition in a catalog that the server's configuration gives, and the checkpoint of a lake.
///
/// # Errors
/// `PermissionDenied` with the reason; what DuckDB says.
pub(crate) fn check(policy: &Policy, connection: &Connection, statement: &Statement<'_>) -> Result<(), Failure> {
    if let Some(target) = statement.defines_in() {
        check_target(policy, connection, &target)?;
    }
    let Some(target) = statement.checkpoints() else { return Ok(()) };
    match found_in(&policy.lakes, connection, &target)? {
        None => Ok(()),
        Some(lake) => {
            let message = format!(
                "a checkpoint of the lake `{lake}` would maintain it, and two at once would leave rows twice; run `tavana maintain`, or give the catalog a schedule"
            );
            Err(Failure::new(FailureKind::PermissionDenied, message))
        }
    }
}

/// Refuses a definition in a catalog that the server's configuration gives.
///
/// # Errors
/// `PermissionDenied` with the reason; what DuckDB says.
pub(crate) fn check_target(policy: &Policy, connection: &Connection, target: &DefinedIn) -> Result<(), Failure> {
    let Some(catalog) = found_in(&policy.given, connection, target)? else { return Ok(()) };
    let message = format!(
        "the tables of the catalog `{catalog}` are given by the server's configuration and can be read only; write to another catalog"
    );
    Err(Failure::new(FailureKind::PermissionDenied, message))
}

/// The one of these catalogs that a target is in.
fn found_in(catalogs: &[String], connection: &Connection, target: &DefinedIn) -> Result<Option<String>, Failure> {
    if catalogs.is_empty() {
        return Ok(None);
    }
    let is_one = |name: &str| catalogs.iter().any(|catalog| catalog.eq_ignore_ascii_case(name));
    let catalog = match target {
        DefinedIn::Named(name) if is_one(name) || is_attached(connection, name)? => name.clone(),
        // A schema of the current one.
        DefinedIn::Named(_) | DefinedIn::Current => connection.current("system.main.current_database()")?,
    };
    Ok(is_one(&catalog).then_some(catalog))
}

fn is_attached(connection: &Connection, name: &str) -> Result<bool, Failure> {
    let sql = "SELECT 1 FROM system.main.duckdb_databases() WHERE lower(database_name) = lower(?)";
    Ok(connection.query(sql, &[name])?.iter().any(|batch| batch.num_rows() > 0))
}
