//! A connection with the settings and the prepared statements it has at the moment.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use lru::LruCache;

use crate::engine::{Connection, EngineError, Instance, Prepared};

/// Prepared statements a connection keeps between their planning and their fetch: preparing costs several times what
/// running a small statement does.
const PREPARED_PER_CONNECTION: NonZeroUsize = NonZeroUsize::new(64).unwrap();

/// Bytes that DuckDB computes ahead of a reader; its default of 1 MB makes large results wait.
const STREAMING_BUFFER: &str = "16MB";

/// Counts changes of the catalog, so that no statement prepared before one is used after it.
#[derive(Clone, Debug, Default)]
pub(crate) struct CatalogVersion(Arc<AtomicU64>);

impl CatalogVersion {
    pub(crate) fn advance(&self) {
        self.0.fetch_add(1, Ordering::Release);
    }

    fn current(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

/// A connection, its settings, its prepared statements.
#[derive(Debug)]
pub(crate) struct Backend {
    connection: Connection,
    settings: BTreeMap<String, String>,
    prepared: LruCache<String, (u64, Prepared)>,
    catalog: CatalogVersion,
    /// Holds state that must not reach another session.
    tainted: bool,
}

impl Backend {
    pub(crate) fn open(instance: &Instance, catalog: CatalogVersion) -> Result<Self, EngineError> {
        let connection = instance.connect()?;
        connection.execute(&format!("SET SESSION streaming_buffer_size = '{STREAMING_BUFFER}'"))?;
        let prepared = LruCache::new(PREPARED_PER_CONNECTION);
        Ok(Self { connection, settings: BTreeMap::new(), prepared, catalog, tainted: false })
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Marks it as not to be given to another session.
    pub(crate) fn taint(&mut self) {
        self.tainted = true;
    }

    pub(crate) fn is_tainted(&self) -> bool {
        self.tainted
    }

    /// Whether this statement is prepared here already.
    pub(crate) fn has_prepared(&self, sql: &str) -> bool {
        self.prepared.peek(sql).is_some_and(|(version, _)| *version == self.catalog.current())
    }

    /// The prepared statement for `sql`, from the cache or prepared now.
    pub(crate) fn prepare(&mut self, sql: &str) -> Result<&mut Prepared, EngineError> {
        let current = self.catalog.current();
        if !self.has_prepared(sql) {
            let prepared = self.connection.prepare(sql)?;
            self.prepared.put(sql.to_owned(), (current, prepared));
        }
        match self.prepared.get_mut(sql) {
            Some((_, prepared)) => Ok(prepared),
            None => Err(EngineError::lost_statement()),
        }
    }

    /// Keeps a statement that was just prepared.
    pub(crate) fn keep(&mut self, sql: String, prepared: Prepared) -> &mut Prepared {
        let current = self.catalog.current();
        &mut self.prepared.get_or_insert_mut(sql, || (current, prepared)).1
    }

    /// Forgets a prepared statement.
    pub(crate) fn forget(&mut self, sql: &str) {
        self.prepared.pop(sql);
    }

    /// Tells every connection that the catalog has changed.
    pub(crate) fn catalog_changed(&self) {
        self.catalog.advance();
    }

    /// Gives the connection exactly these settings.
    ///
    /// # Errors
    /// When DuckDB refuses a value; the connection is tainted then.
    pub(crate) fn apply(&mut self, wanted: &BTreeMap<String, String>) -> Result<(), EngineError> {
        if self.settings == *wanted {
            return Ok(());
        }
        self.prepared.clear();
        let stale: Vec<String> = self.settings.keys().filter(|name| !wanted.contains_key(*name)).cloned().collect();
        for name in stale {
            self.run_setting(&reset_statement(&name))?;
            self.settings.remove(&name);
        }
        for (name, value) in wanted {
            if self.settings.get(name) != Some(value) {
                self.run_setting(&set_statement(name, value))?;
                self.settings.insert(name.clone(), value.clone());
            }
        }
        Ok(())
    }

    fn run_setting(&mut self, statement: &str) -> Result<(), EngineError> {
        let outcome = self.connection.execute(statement);
        if outcome.is_err() {
            self.tainted = true;
        }
        outcome.map(|_| ())
    }
}

/// The setting that `USE` changes; its value is the text after `USE`.
pub(crate) const USE: &str = "use";

fn set_statement(name: &str, value: &str) -> String {
    if name == USE { format!("USE {value}") } else { format!("SET SESSION {name} = {value}") }
}

fn reset_statement(name: &str) -> String {
    let name = if name == USE { "schema" } else { name };
    format!("RESET SESSION {name}")
}
