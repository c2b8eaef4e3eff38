//! A connection with the settings and the prepared statements it has at the moment.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use lru::LruCache;

use crate::engine::{Connection, EngineError, Extracted, Instance, Prepared};
use crate::pg_catalog::snapshot::{Rows, Snapshot, State, take_own};

/// Prepared statements a connection keeps between their planning and their fetch: preparing costs several times what
/// running a small statement does.
const PREPARED_PER_CONNECTION: NonZeroUsize = NonZeroUsize::new(64).unwrap();

/// Bytes that DuckDB computes ahead of a reader; its default of 1 MB makes large results wait.
const STREAMING_BUFFER: &str = "16MB";

/// Counts changes of the catalog, so that nothing made before one is used after it.
#[derive(Clone, Debug, Default)]
pub(crate) struct CatalogVersion {
    changes: Arc<AtomicU64>,
    function_changes: Arc<AtomicU64>,
}

impl CatalogVersion {
    fn advance(&self, change: Change) {
        // In this order: who sees the second sees the first.
        if change == Change::Any {
            self.function_changes.fetch_add(1, Ordering::AcqRel);
        }
        self.changes.fetch_add(1, Ordering::AcqRel);
    }

    fn current(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    fn state(&self) -> State {
        let changes = self.current();
        State { changes, function_changes: self.function_changes.load(Ordering::Acquire) }
    }
}

/// What of the catalog has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Anything but functions.
    NoFunction,
    /// Anything.
    Any,
}

/// What a prepared statement was bound to.
#[derive(Clone, Copy, Debug)]
struct Made {
    /// The state of the catalog.
    version: u64,
    /// Where it reads the rows of PostgreSQL's catalog, if any of it.
    rows: Rows,
}

/// A connection, its settings, its prepared statements.
#[derive(Debug)]
pub(crate) struct Backend {
    connection: Connection,
    settings: BTreeMap<String, String>,
    prepared: LruCache<String, (Made, Prepared)>,
    catalog: CatalogVersion,
    snapshot: Snapshot,
    /// Where statements read the rows of PostgreSQL's catalog now.
    rows: Rows,
    /// The state of the catalog that these rows are of, where they are not live.
    rows_of: u64,
    /// Whether the open transaction has changed the catalog, unseen by others.
    has_changes: bool,
    /// Whether it may hold temporary objects, which nobody else sees.
    has_temporaries: bool,
    /// Holds state that must not reach another session.
    tainted: bool,
}

impl Backend {
    pub(crate) fn open(instance: &Instance, catalog: CatalogVersion, snapshot: Snapshot) -> Result<Self, EngineError> {
        let connection = instance.connect()?;
        connection.execute(&format!("SET SESSION streaming_buffer_size = '{STREAMING_BUFFER}'"))?;
        let prepared = LruCache::new(PREPARED_PER_CONNECTION);
        Ok(Self {
            connection,
            settings: BTreeMap::new(),
            prepared,
            catalog,
            snapshot,
            rows: Rows::Live,
            rows_of: 0,
            has_changes: false,
            has_temporaries: false,
            tainted: false,
        })
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
        self.prepared.peek(sql).is_some_and(|(made, _)| {
            made.version == self.catalog.current() && (made.rows == self.rows || !may_ask_catalog(sql))
        })
    }

    /// Sees to it that statements to come read true rows of PostgreSQL's catalog, and soon. To be called ahead of binding `sql`.
    ///
    /// # Errors
    /// When DuckDB refuses.
    pub(crate) fn choose_rows(&mut self, sql: &str) -> Result<(), EngineError> {
        let state = self.catalog.state();
        let is_current = self.rows != Rows::Live && self.rows_of == state.changes;
        let asks = may_ask_catalog(sql);
        if is_current || !asks && self.rows == Rows::Live {
            return Ok(());
        }
        // A statement that asks by a name we do not look for reads the live state, and is right, too.
        let rows = match (asks, self.has_changes || self.has_temporaries) {
            (false, _) => Rows::Live,
            (true, false) => Rows::Shared,
            (true, true) if asks_much(sql) => Rows::Own,
            (true, true) => Rows::Live,
        };
        match rows {
            Rows::Live => {}
            Rows::Shared => self.snapshot.bring_to(state)?,
            Rows::Own => {
                self.read(Rows::Live)?;
                take_own(&self.connection)?;
            }
        }
        self.read(rows)?;
        self.rows_of = state.changes;
        Ok(())
    }

    fn read(&mut self, rows: Rows) -> Result<(), EngineError> {
        if self.rows != rows {
            rows.statements().iter().try_for_each(|statement| self.run_setting(statement))?;
            self.rows = rows;
        }
        Ok(())
    }

    /// Parses a text of one or several statements.
    pub(crate) fn extract(&mut self, sql: &str) -> Result<Extracted, EngineError> {
        self.choose_rows(sql)?;
        self.connection.extract(sql)
    }

    /// The prepared statement for `sql`, from the cache or prepared now.
    pub(crate) fn prepare(&mut self, sql: &str) -> Result<&mut Prepared, EngineError> {
        self.choose_rows(sql)?;
        if !self.has_prepared(sql) {
            let made = self.made_now();
            let prepared = self.connection.prepare(sql)?;
            self.prepared.put(sql.to_owned(), (made, prepared));
        }
        match self.prepared.get_mut(sql) {
            Some((_, prepared)) => Ok(prepared),
            None => Err(EngineError::lost_statement()),
        }
    }

    /// Keeps a statement that was just prepared.
    pub(crate) fn keep(&mut self, sql: String, prepared: Prepared) -> &mut Prepared {
        let made = self.made_now();
        // One of an earlier state of the catalog must not stay in its place.
        self.prepared.pop(&sql);
        &mut self.prepared.get_or_insert_mut(sql, || (made, prepared)).1
    }

    fn made_now(&self) -> Made {
        Made { version: self.catalog.current(), rows: self.rows }
    }

    /// Forgets a prepared statement.
    pub(crate) fn forget(&mut self, sql: &str) {
        self.prepared.pop(sql);
    }

    /// Tells every connection that the catalog has changed, or will when the transaction that this connection is in commits.
    pub(crate) fn catalog_changed(&mut self, change: Change, in_transaction: bool) {
        self.has_changes = in_transaction;
        self.catalog.advance(change);
    }

    /// Notes that its transaction ended: what that changed in the catalog is known to all now, or to nobody.
    pub(crate) fn transaction_ended(&mut self) {
        if std::mem::take(&mut self.has_changes) {
            self.catalog.advance(Change::Any);
        }
        // Rows of its own that the transaction took are gone if it was rolled back.
        if self.rows == Rows::Own {
            self.rows_of = u64::MAX;
        }
    }

    /// Notes that the connection may hold temporary objects from here on.
    pub(crate) fn made_temporaries(&mut self) {
        self.has_temporaries = true;
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

/// Whether a statement may read PostgreSQL's catalog: all that has no `pg` in it hardly does.
fn may_ask_catalog(sql: &str) -> bool {
    sql.contains("pg")
}

/// Whether a statement names so much of the catalog that planning it over the live state takes longer than taking rows.
fn asks_much(sql: &str) -> bool {
    sql.matches("pg").count() > 12
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
