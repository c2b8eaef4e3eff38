//! The database with tables about the server itself and about statements ([`overview`]), and with the list of secrets that a session may
//! see: its own.
//!
//! It is a small file that each worker makes at its start and attaches read-only, so that nobody can write into it.

use std::path::Path;

use crate::catalogs::SYSTEM_DATABASE;
use crate::engine::{EngineError, Instance, literal, quoted};
use crate::overview;
use crate::statement::credentials::{OWN_SECRETS, SERVER_PREFIX};

/// Which extensions this worker has. DuckDB's own function looks into folders, which it may not once the instance is locked.
const EXTENSIONS: &str = "SELECT extension_name AS name, extension_version AS version, description
    FROM duckdb_extensions() WHERE loaded ORDER BY name";

/// Makes the database in `folder` and attaches it; the instance is not locked yet.
///
/// # Errors
/// What DuckDB says.
pub(crate) fn make(instance: &Instance, folder: &Path) -> Result<(), EngineError> {
    let connection = instance.connect()?;
    let file = literal(&folder.join("system.duckdb").display().to_string());
    let name = quoted(SYSTEM_DATABASE);
    connection.execute(&format!("ATTACH {file} AS {name}"))?;
    connection.execute(&format!("CREATE TABLE {name}.main.extensions AS {EXTENSIONS}"))?;
    let own = format!("starts_with(name, {})", literal(SERVER_PREFIX));
    connection.execute(&format!(
        "CREATE MACRO {name}.main.{OWN_SECRETS}() AS TABLE FROM system.main.{OWN_SECRETS}() WHERE NOT {own}"
    ))?;
    overview::register(&connection)?;
    for (view, function) in overview::VIEWS {
        connection.execute(&format!("CREATE VIEW {name}.main.{view} AS FROM system.main.{function}()"))?;
    }
    connection.execute(&format!("DETACH {name}"))?;
    connection.execute(&format!("ATTACH {file} AS {name} (READ_ONLY)"))?;
    Ok(())
}
