//! A connection with the settings and the prepared statements it has at the moment.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use lru::LruCache;
use tavana_wire::Failure;

use super::changes::{CatalogState, Change, Changed, Changes, Version};
use super::rerun;
use crate::engine::{Connection, EngineError, Extracted, Instance, Pending, Prepared};
use crate::execute::again::Retries;
use crate::pg_catalog::snapshot::{Rows, Snapshot, take_own};

/// Prepared statements a connection keeps: preparing costs several times what running a small statement does.
const PREPARED_PER_CONNECTION: NonZeroUsize = NonZeroUsize::new(64).unwrap();
/// Texts of which a connection remembers that they ran.
const RAN_PER_CONNECTION: NonZeroUsize = NonZeroUsize::new(256).unwrap();

/// Bytes that DuckDB computes ahead of a reader; its default of 1 MB makes large results wait.
const STREAMING_BUFFER: &str = "16MB";

/// A connection, its settings, its prepared statements.
#[derive(Debug)]
pub(crate) struct Backend {
    connection: Connection,
    /// The database that sessions begin in, as SQL names it.
    home: Option<String>,
    retries: Retries,
    /// Whether the session's settings lead it into another database.
    is_abroad: bool,
    settings: BTreeMap<String, String>,
    prepared: LruCache<String, Kept>,
    ran: LruCache<String, Ran>,
    changes: Changes,
    snapshot: Snapshot,
    /// Where statements read the rows of PostgreSQL's catalog now.
    rows: Rows,
    /// The state of the catalog that these rows are of, where they are not live.
    rows_of: Option<CatalogState>,
    /// Whether the open transaction has changed the catalog, unseen by others.
    has_changes: bool,
    /// Whether it may hold temporary objects, which nobody else sees.
    has_temporaries: bool,
    /// Holds state that must not reach another session.
    tainted: bool,
    /// A transaction of ours may be open: it began, or was about to, and has not ended for sure.
    own_transaction: bool,
}

/// A prepared statement, and what it was planned on; none when something was being changed meanwhile.
#[derive(Debug)]
struct Kept {
    prepared: Prepared,
    planned_on: Option<Version>,
    /// Where it reads the rows of PostgreSQL's catalog, if any of it.
    rows: Rows,
}

/// What is known of a text that ran.
#[derive(Clone, Copy, Debug)]
struct Ran {
    /// Names meant then what they mean now if this is unchanged.
    catalog: CatalogState,
    /// Whether it may run again from one preparation; nobody has looked yet at a text that ran once.
    again: Option<bool>,
}

impl Backend {
    pub(crate) fn open(
        instance: &Instance,
        home: Option<String>,
        retries: Retries,
        changes: Changes,
        snapshot: Snapshot,
    ) -> Result<Self, EngineError> {
        let connection = instance.connect()?;
        if let Some(home) = &home {
            connection.execute(&format!("USE {home}"))?;
        }
        connection.execute(&format!("SET SESSION streaming_buffer_size = '{STREAMING_BUFFER}'"))?;
        let (prepared, ran) = (LruCache::new(PREPARED_PER_CONNECTION), LruCache::new(RAN_PER_CONNECTION));
        Ok(Self {
            connection,
            home,
            retries,
            is_abroad: false,
            settings: BTreeMap::new(),
            prepared,
            ran,
            changes,
            snapshot,
            rows: Rows::Live,
            rows_of: None,
            has_changes: false,
            has_temporaries: false,
            tainted: false,
            own_transaction: false,
        })
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// How often a statement on it runs again that others got in the way of.
    pub(crate) fn retries(&self) -> Retries {
        self.retries
    }

    /// Marks it as not to be given to another session.
    pub(crate) fn taint(&mut self) {
        self.tainted = true;
    }

    pub(crate) fn is_tainted(&self) -> bool {
        self.tainted || self.own_transaction
    }

    /// Begins a transaction around one statement.
    ///
    /// # Errors
    /// What DuckDB says. An interrupt may come when the transaction has begun, so a failure leaves the connection tainted.
    pub(crate) fn begin(&mut self) -> Result<(), EngineError> {
        self.own_transaction = true;
        self.connection.execute("BEGIN TRANSACTION").map(|_| ())
    }

    /// Ends it; one that cannot be committed is rolled back.
    ///
    /// # Errors
    /// What DuckDB says of the commit.
    pub(crate) fn end(&mut self, commit: bool) -> Result<(), EngineError> {
        let committed = if commit { self.connection.execute("COMMIT").map(|_| ()) } else { Ok(()) };
        let is_over = commit && committed.is_ok() || self.connection.execute("ROLLBACK").is_ok();
        self.own_transaction = !is_over;
        committed
    }

    /// Rolls back what a transaction of ours left open.
    pub(crate) fn clean(&mut self) {
        if self.own_transaction {
            // Without one that is open it fails, and that is well, too.
            let _ = self.connection.execute("ROLLBACK");
            self.own_transaction = false;
        }
    }

    /// Begins to change the instance: everything that does more than read does so first.
    pub(crate) fn change(&mut self, changed: Changed, in_transaction: bool) -> Change {
        self.has_changes |= in_transaction && changed != Changed::Rows;
        self.changes.begin(changed)
    }

    /// Begins to end a transaction that has changed something: that is known to all then, or to nobody.
    pub(crate) fn end_transaction(&mut self) -> Change {
        // Rows of its own that the transaction took are gone if it is rolled back.
        if self.rows == Rows::Own {
            self.rows_of = None;
        }
        let changed = if std::mem::take(&mut self.has_changes) { Changed::Anything } else { Changed::Rows };
        self.changes.begin(changed)
    }

    /// Notes that the connection may hold temporary objects from here on.
    pub(crate) fn made_temporaries(&mut self) {
        self.has_temporaries = true;
    }

    /// Sees to it that statements to come read true rows of PostgreSQL's catalog, and soon. To be called ahead of binding `sql`.
    ///
    /// # Errors
    /// When DuckDB refuses.
    pub(crate) fn choose_rows(&mut self, sql: &str) -> Result<(), EngineError> {
        let asks = may_ask_catalog(sql);
        if !asks && self.rows == Rows::Live {
            return Ok(());
        }
        let state = self.changes.catalog();
        if self.rows != Rows::Live && self.rows_of == Some(state) {
            return Ok(());
        }
        // A statement that asks by a name we do not look for reads the live state, and is right, too.
        // The rows that are kept for all are those of the database that sessions begin in.
        let rows = match (asks, self.has_changes || self.has_temporaries || self.is_abroad) {
            (false, _) => Rows::Live,
            (true, false) => Rows::Shared,
            (true, true) if asks_much(sql) => Rows::Own,
            (true, true) => Rows::Live,
        };
        match rows {
            Rows::Live => {}
            Rows::Shared => self.snapshot.bring_to(state, &self.changes)?,
            Rows::Own => {
                self.read(Rows::Live)?;
                take_own(&self.connection)?;
            }
        }
        self.read(rows)?;
        self.rows_of = Some(state);
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

    /// What a plan made from now on will be made on.
    pub(crate) fn version(&self) -> Option<Version> {
        self.changes.version()
    }

    /// Whether this statement is prepared here and still good.
    pub(crate) fn has_prepared(&self, sql: &str) -> bool {
        self.prepared.peek(sql).is_some_and(|kept| {
            kept.planned_on.is_some_and(|on| self.changes.is_current(on))
                && (kept.rows == self.rows || !may_ask_catalog(sql))
        })
    }

    /// The prepared statement for `sql`, from those that are kept or prepared now.
    pub(crate) fn prepare(&mut self, sql: &str) -> Result<&mut Prepared, EngineError> {
        self.choose_rows(sql)?;
        if !self.has_prepared(sql) {
            let planned_on = self.version();
            let prepared = self.connection.prepare(sql)?;
            return Ok(self.keep(sql.to_owned(), prepared, planned_on));
        }
        self.prepared.get_mut(sql).map(|kept| &mut kept.prepared).ok_or_else(EngineError::lost_statement)
    }

    /// Keeps a statement that was just prepared on the version before it.
    pub(crate) fn keep(&mut self, sql: String, prepared: Prepared, planned_on: Option<Version>) -> &mut Prepared {
        self.prepared.pop(&sql);
        let rows = self.rows;
        &mut self.prepared.get_or_insert_mut(sql, || Kept { prepared, planned_on, rows }).prepared
    }

    /// Starts a read with the values that `bind` binds; `None` when the instance is being changed: then a plan and its run are
    /// one only in one transaction.
    ///
    /// # Errors
    /// What DuckDB says of the statement or the values.
    pub(crate) fn start(
        &mut self,
        sql: &str,
        bind: &dyn Fn(&mut Prepared) -> Result<(), Failure>,
    ) -> Result<Option<Pending>, Failure> {
        self.choose_rows(sql)?;
        self.look_at(sql, bind)?;
        // A change may come between the plan and the start once; then others will, too.
        for _ in 0..2 {
            bind(self.prepare(sql)?)?;
            let Some(kept) = self.prepared.get_mut(sql) else { continue };
            let Some(planned_on) = kept.planned_on else { return Ok(None) };
            if let Some(started) = self.changes.while_current(planned_on, || kept.prepared.start()) {
                return Ok(Some(started?));
            }
        }
        Ok(None)
    }

    /// Finds out whether a text that is about to run for the second time may be kept prepared.
    fn look_at(&mut self, sql: &str, bind: &dyn Fn(&mut Prepared) -> Result<(), Failure>) -> Result<(), Failure> {
        let catalog = self.changes.catalog();
        if let Some(ran) = self.ran.get_mut(sql)
            && ran.catalog == catalog
            && ran.again.is_none()
        {
            ran.again = Some(rerun::may_run_again(&self.connection, sql, bind)?);
        }
        Ok(())
    }

    /// Notes that a statement ran: it is kept prepared only when it may run again that way.
    pub(crate) fn ran(&mut self, sql: &str) {
        let catalog = self.changes.catalog();
        let again = self.ran.get(sql).filter(|ran| ran.catalog == catalog).map(|ran| ran.again);
        match again {
            Some(Some(true)) => {}
            Some(_) => self.forget(sql),
            None => {
                self.ran.put(sql.to_owned(), Ran { catalog, again: None });
                self.forget(sql);
            }
        }
    }

    /// Forgets a prepared statement.
    pub(crate) fn forget(&mut self, sql: &str) {
        self.prepared.pop(sql);
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
        self.ran.clear();
        let stale: Vec<String> = self.settings.keys().filter(|name| !wanted.contains_key(*name)).cloned().collect();
        for name in stale {
            self.run_setting(&reset_statement(&name))?;
            if let (Some(home), true) = (&self.home, PLACES.contains(&name.as_str())) {
                self.run_setting(&format!("USE {home}"))?;
            }
            self.settings.remove(&name);
        }
        for (name, value) in wanted {
            if self.settings.get(name) != Some(value) {
                self.run_setting(&set_statement(name, value))?;
                self.settings.insert(name.clone(), value.clone());
            }
        }
        let leads = |(name, value): (&String, &String)| PLACES.contains(&name.as_str()) && leads_abroad(value);
        let is_abroad = self.settings.iter().any(leads);
        if is_abroad || self.is_abroad {
            self.rows_of = None;
        }
        self.is_abroad = is_abroad;
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

/// Settings that say where names without a database are looked for.
const PLACES: [&str; 3] = [USE, "schema", "search_path"];

/// Whether a place may be in another database than the one that sessions begin in: it names one.
fn leads_abroad(place: &str) -> bool {
    place.trim_matches('\'').split(',').any(|part| part.contains('.') && part.trim() != "pgc.main")
        || !place.starts_with('\'')
}

fn set_statement(name: &str, value: &str) -> String {
    if name == USE { format!("USE {value}") } else { format!("SET SESSION {name} = {value}") }
}

fn reset_statement(name: &str) -> String {
    let name = if name == USE { "schema" } else { name };
    format!("RESET SESSION {name}")
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray as _;
    use arrow::datatypes::Int64Type;
    use tempfile::TempDir;

    use super::*;
    use crate::config::make_pg_catalog;
    use crate::engine::InstanceConfig;

    struct World {
        _folder: TempDir,
        changes: Changes,
        reader: Backend,
        writer: Backend,
    }

    impl World {
        fn new() -> Self {
            let instance = Instance::open(&InstanceConfig::default()).unwrap();
            let folder = tempfile::tempdir().unwrap();
            let snapshot = make_pg_catalog(&instance, None, folder.path()).unwrap();
            let changes = Changes::default();
            let retries = Retries { count: 0, time: std::time::Duration::ZERO };
            let open = || Backend::open(&instance, None, retries, changes.clone(), snapshot.clone()).unwrap();
            let (reader, writer) = (open(), open());
            writer.connection().execute("CREATE TABLE t AS SELECT (range % 10)::INT AS i FROM range(1000)").unwrap();
            Self { _folder: folder, changes, reader, writer }
        }

        fn write(&mut self, sql: &str) {
            let _change = self.writer.change(Changed::Rows, false);
            self.writer.connection().execute(sql).unwrap();
        }

        fn start(&mut self, sql: &str) -> Option<Pending> {
            self.reader.start(sql, &|_| Ok(())).unwrap()
        }

        /// Runs a read as a fetch does; the first column of its first row.
        fn read(&mut self, sql: &str) -> i64 {
            let mut result = self.start(sql).unwrap().execute().unwrap();
            let chunk = result.next_chunk().unwrap().unwrap();
            let value = result.to_arrow(&chunk).unwrap().column(0).as_primitive::<Int64Type>().value(0);
            drop(result);
            self.reader.ran(sql);
            value
        }
    }

    #[test]
    fn places_in_other_databases_are_known() {
        let check = |place: &str, abroad| assert_eq!(leads_abroad(place), abroad, "{place}");
        check("'main,pgc.main'", false);
        check("'app, main, pgc.main'", false);
        check("'logs.main,pgc.main'", true);
        check("logs", true);
        check("\"logs\".main", true);
    }

    #[test]
    fn a_plan_does_not_outlive_the_rows_it_was_made_on() {
        let mut world = World::new();
        // DuckDB leaves the filter out, and makes a hash table for ten groups.
        let filter = "SELECT count(*) FROM t WHERE i >= 0 AND i < 10";
        let groups = "SELECT count(*) FROM (SELECT i, count(*) FROM t GROUP BY i)";
        for _ in 0..3 {
            assert_eq!((world.read(filter), world.read(groups)), (1000, 10));
        }
        assert!(world.reader.has_prepared(filter) && world.reader.has_prepared(groups));
        world.write("INSERT INTO t VALUES (1000000), (-5), (NULL)");
        assert!(!world.reader.has_prepared(filter));
        assert_eq!((world.read(filter), world.read(groups)), (1000, 13));
    }

    #[test]
    fn what_a_started_read_sees_is_settled() {
        let mut world = World::new();
        let sql = "SELECT count(*) FROM t";
        let started = world.start(sql).unwrap();
        world.write("INSERT INTO t VALUES (1)");
        let mut result = started.execute().unwrap();
        let chunk = result.next_chunk().unwrap().unwrap();
        assert_eq!(result.to_arrow(&chunk).unwrap().column(0).as_primitive::<Int64Type>().value(0), 1000);
    }

    #[test]
    fn nothing_starts_by_itself_while_something_is_written() {
        let mut world = World::new();
        let sql = "SELECT count(*) FROM t";
        let change = world.changes.begin(Changed::Rows);
        assert!(world.start(sql).is_none());
        drop(change);
        assert!(world.start(sql).is_some());
    }

    #[test]
    fn only_what_may_run_again_is_kept() {
        let mut world = World::new();
        world.writer.connection().execute("CREATE VIEW hidden AS SELECT count(*) AS n FROM duckdb_tables()").unwrap();
        world.writer.connection().execute("CREATE MACRO seen() AS TABLE SELECT count(*) AS n FROM t").unwrap();
        let mut is_kept = |sql: &str| {
            for _ in 0..3 {
                world.read(sql);
            }
            world.reader.has_prepared(sql)
        };
        assert!(is_kept("SELECT 1::BIGINT"));
        assert!(is_kept("SELECT i::BIGINT FROM t JOIN range(5) r(i) USING (i) ORDER BY ALL LIMIT 3"));
        assert!(is_kept("FROM seen()"));
        assert!(is_kept("SELECT sum(i) OVER (ORDER BY i)::BIGINT FROM t WHERE i IN (SELECT max(i) FROM t)"));
        assert!(!is_kept("FROM hidden"));
        assert!(!is_kept("SELECT count(*) FROM pragma_version()"));
    }

    #[test]
    fn what_a_run_is_told_at_its_time_is_told_anew() {
        let mut world = World::new();
        let now = "SELECT epoch_us(now())";
        let next = "SELECT nextval('s')";
        world.write("CREATE SEQUENCE s");
        let times: Vec<i64> = (0..4).map(|_| world.read(now)).collect();
        assert!(times.is_sorted_by(|a, b| a < b), "{times:?}");
        assert_eq!((0..4).map(|_| world.read(next)).collect::<Vec<_>>(), [1, 2, 3, 4]);
    }
}
