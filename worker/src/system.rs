//! The database with tables about the server itself.
//!
//! It is a small file that each worker makes at its start and attaches read-only, so that nobody can write into it.

use std::path::Path;

use crate::catalogs::SYSTEM_DATABASE;
use crate::engine::{EngineError, Instance, literal, quoted};

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
    connection.execute(&format!("DETACH {name}"))?;
    connection.execute(&format!("ATTACH {file} AS {name} (READ_ONLY)"))?;
    Ok(())
}
