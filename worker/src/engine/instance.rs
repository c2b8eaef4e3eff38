//! One DuckDB instance: opened, given its extensions, then locked.
//!
//! Locking is a sequence whose order matters, because each step forbids the next one's opposite. Every value is read
//! back: an instance that did not take a setting is not served.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::AsArray;
use libduckdb_sys as duckdb;
use tavana_wire::FailureKind;

use super::connection::Connection;
use super::error::EngineError;
use super::schema::literal;
use super::table::ShownTables;
use super::{c_string, text};

/// How an instance is opened.
#[derive(Clone, Debug, Default)]
pub struct InstanceConfig {
    /// The database file; in memory without one.
    pub file: Option<PathBuf>,
    /// Threads that DuckDB runs statements on; its own choice without.
    pub threads: Option<usize>,
    /// Bytes of memory that DuckDB keeps to; its own choice without.
    pub memory_limit_bytes: Option<u64>,
    /// Where it spills to.
    pub temp_dir: Option<PathBuf>,
    /// Bytes it may spill.
    pub temp_limit_bytes: Option<u64>,
    /// Extension files to load.
    pub extensions: Vec<PathBuf>,
    /// Folders and beginnings of addresses that SQL may read and write below, each with a slash at its end, and single files;
    /// `None` means every file of the machine.
    pub allowed_paths: Option<Vec<String>>,
    /// An empty folder for secrets that outlive the process, which nobody makes: extensions that look for one fail when there may
    /// be none at all.
    pub secret_dir: Option<PathBuf>,
    /// Settings that sessions may change once the instance is locked.
    pub session_settings: &'static [&'static str],
}

impl InstanceConfig {
    /// The setting that keeps secrets of other processes out, and its value.
    fn secrets(&self) -> (&'static str, String) {
        match &self.secret_dir {
            Some(folder) => ("secret_directory", folder.display().to_string()),
            None => ("allow_persistent_secrets", "false".to_owned()),
        }
    }
}

/// An open instance.
#[derive(Clone, Debug)]
pub struct Instance {
    database: Arc<Database>,
}

/// The C handle; closed when its last connection goes.
#[derive(Debug)]
pub(super) struct Database {
    pub(super) raw: duckdb::duckdb_database,
    pub(super) shown: Arc<ShownTables>,
}

// SAFETY: a database handle is made to be shared by threads that open connections.
unsafe impl Send for Database {}
// SAFETY: as above.
unsafe impl Sync for Database {}

impl Drop for Database {
    fn drop(&mut self) {
        // SAFETY: the handle is ours and not used again.
        unsafe { duckdb::duckdb_close(&mut self.raw) };
    }
}

/// What a statement costs in depth of its expressions: past this DuckDB plans for seconds, without heeding interrupts.
const MAX_EXPRESSION_DEPTH: u32 = 250;

/// Settings that the worker changes itself while it serves; the policy keeps SQL from them.
const OWN_SETTINGS: &[&str] = &["streaming_buffer_size", "memory_limit"];

impl Instance {
    /// Opens the instance and loads its extensions; it is not locked yet.
    ///
    /// # Errors
    /// When the file is in use, cannot be read or is none of DuckDB's, or an extension does not load.
    pub fn open(config: &InstanceConfig) -> Result<Self, EngineError> {
        let file = config.file.as_ref().map_or_else(|| ":memory:".to_owned(), |file| file.display().to_string());
        let options = start_options(config);
        let mut raw_config = std::ptr::null_mut();
        let mut raw = std::ptr::null_mut();
        let mut error = std::ptr::null_mut();
        let file = c_string(&file)?;
        // SAFETY: the out pointers are valid; the configuration is destroyed once, the message freed once.
        let failure = unsafe {
            duckdb::duckdb_create_config(&mut raw_config);
            for (name, value) in &options {
                duckdb::duckdb_set_config(raw_config, c_string(name)?.as_ptr(), c_string(value)?.as_ptr());
            }
            let state = duckdb::duckdb_open_ext(file.as_ptr(), &mut raw, raw_config, &mut error);
            duckdb::duckdb_destroy_config(&mut raw_config);
            let message = text(error);
            duckdb::duckdb_free(error.cast());
            (state != duckdb::DuckDBSuccess).then_some(message)
        };
        if let Some(message) = failure {
            return Err(EngineError::from_message(message));
        }
        let instance = Self { database: Arc::new(Database { raw, shown: Arc::default() }) };
        let connection = instance.connect()?;
        // Attaching uses the secret manager, which takes no settings from then on.
        let (name, value) = config.secrets();
        connection.execute(&format!("SET {name} = {}", literal(&value)))?;
        for extension in &config.extensions {
            connection.execute(&format!("LOAD {}", literal(&extension.display().to_string())))?;
        }
        forget_environment(&connection)?;
        Ok(instance)
    }

    /// Opens a connection.
    ///
    /// # Errors
    /// When DuckDB opens none.
    pub fn connect(&self) -> Result<Connection, EngineError> {
        Connection::open(Arc::clone(&self.database))
    }

    /// Locks the configuration for good, and checks that it is.
    ///
    /// # Errors
    /// When a setting does not hold; the instance must not be served then.
    pub fn lock(&self, config: &InstanceConfig) -> Result<(), EngineError> {
        let connection = self.connect()?;
        let mut steps = vec![
            ("allow_community_extensions", "false".to_owned()),
            ("autoinstall_known_extensions", "false".to_owned()),
            ("autoload_known_extensions", "false".to_owned()),
            // Footers are kept with the other buffers, within the memory limit, and are checked against the file's ETag or time.
            ("parquet_metadata_cache", "true".to_owned()),
            ("max_expression_depth", MAX_EXPRESSION_DEPTH.to_string()),
        ];
        if let Some(paths) = &config.allowed_paths {
            let list = |is_wanted: &dyn Fn(&str) -> bool| {
                let places = paths.iter().filter(|place| is_wanted(place)).map(|place| literal(place));
                places.collect::<Vec<_>>().join(", ")
            };
            let (folders, files) = (list(&|place| place.ends_with('/')), list(&|place| !place.ends_with('/')));
            connection.execute(&format!("SET allowed_directories = [{folders}]"))?;
            connection.execute(&format!("SET allowed_paths = [{files}]"))?;
            steps.push(("enable_external_access", "false".to_owned()));
            // SQL may read the folder that DuckDB spills to, and with it what other users' statements spilled.
            steps.push(("temp_file_encryption", "true".to_owned()));
        }
        for (name, value) in &steps {
            connection.execute(&format!("SET {name} = {value}"))?;
        }
        let allowed = config.session_settings.iter().chain(OWN_SETTINGS);
        let allowed: Vec<String> = allowed.map(|name| literal(name)).collect();
        connection.execute(&format!("SET allowed_configs = [{}]", allowed.join(", ")))?;
        connection.execute("SET lock_configuration = true")?;
        steps.extend([("lock_configuration", "true".to_owned()), config.secrets()]);
        for (name, value) in &steps {
            let found = setting(&connection, name)?;
            if found != *value {
                let message = format!("DuckDB's setting {name} is {found}, not {value}");
                return Err(EngineError::new(FailureKind::Internal, message));
            }
        }
        Ok(())
    }
}

/// Keys of the server's environment become settings that everybody can read when httpfs is loaded. Those that the server means
/// to use come with its stores.
fn forget_environment(connection: &Connection) -> Result<(), EngineError> {
    for name in ["s3_access_key_id", "s3_secret_access_key", "s3_session_token"] {
        if !setting(connection, name)?.is_empty() {
            connection.execute(&format!("RESET GLOBAL {name}"))?;
        }
    }
    Ok(())
}

fn start_options(config: &InstanceConfig) -> Vec<(&'static str, String)> {
    // Pages that are free are given back soon: in a control group they count, and past its limit the process is killed.
    let mut options = vec![
        ("allocator_background_threads", "true".to_owned()),
        ("allocator_flush_threshold", "16MB".to_owned()),
        ("allocator_bulk_deallocation_flush_threshold", "64MB".to_owned()),
    ];
    if let Some(threads) = config.threads {
        options.push(("threads", threads.to_string()));
    }
    if let Some(bytes) = config.memory_limit_bytes {
        options.push(("memory_limit", format!("{bytes}B")));
    }
    if let Some(folder) = &config.temp_dir {
        options.push(("temp_directory", folder.display().to_string()));
    }
    if let Some(bytes) = config.temp_limit_bytes {
        options.push(("max_temp_directory_size", format!("{bytes}B")));
    }
    options
}

fn setting(connection: &Connection, name: &str) -> Result<String, EngineError> {
    let batches = connection.query("SELECT value FROM duckdb_settings() WHERE name = ?", &[name])?;
    let value = batches.first().filter(|batch| batch.num_rows() > 0).map(|batch| {
        let column = batch.column(0).as_string::<i32>();
        column.value(0).to_owned()
    });
    Ok(value.unwrap_or_default())
}
