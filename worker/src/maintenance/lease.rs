//! One maintenance of a catalog at a time.
//!
//! Two that compact at once can both succeed and leave rows twice: DuckLake's commits keep writers apart from them, not them from each
//! other. So whoever maintains holds a claim, a worker on its schedule as `tavana maintain`: a row beside DuckLake's own tables, in the
//! one database that all share anyway. It is renewed ahead of every step, and one that is lost ends the run. A claim that is left behind by
//! a process that died ends by itself, after a time that is longer than any step and any difference of clocks.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tavana_wire::FailureKind;

use super::metadata_of;
use crate::engine::{Connection, EngineError, literal};

/// How long a claim holds after it was renewed; no step may take longer.
const CLAIM: Duration = Duration::from_secs(6 * 3600);

/// How often a claim is renewed or given back again, and after which time, when writers are in the way.
const AGAIN: (u32, Duration) = (30, Duration::from_millis(100));

/// The row about one catalog.
#[derive(Clone, Debug)]
pub(crate) struct Lease {
    table: String,
    holder: String,
    every: Duration,
}

impl Lease {
    /// For `holder`, a name that no other has.
    pub(crate) fn new(catalog: &str, holder: &str, every: Duration) -> Self {
        Self { table: format!("{}.tavana_maintenance", metadata_of(catalog)), holder: holder.to_owned(), every }
    }

    /// Time between runs.
    pub(crate) fn every(&self) -> Duration {
        self.every
    }

    /// Makes the row if it is not there. Of several workers at once one makes it, and the others fail.
    fn make(&self, connection: &Connection) -> Result<(), EngineError> {
        if connection.prepare(&format!("FROM {}", self.table)).is_ok() {
            return Ok(());
        }
        connection.execute("BEGIN TRANSACTION")?;
        let made = [
            format!("CREATE TABLE {} (holder VARCHAR, held_until_ms BIGINT, ended_at_ms BIGINT)", self.table),
            format!("INSERT INTO {} VALUES ('', 0, 0)", self.table),
            "COMMIT".to_owned(),
        ]
        .iter()
        .try_for_each(|sql| connection.execute(sql).map(|_| ()));
        if made.is_err() {
            // A commit that failed has ended its transaction.
            let _ = connection.execute("ROLLBACK");
        }
        made
    }

    /// Claims the run that is due; false when none is, or another holds the claim. A claim of this holder's own is one that could not be
    /// given back.
    ///
    /// # Errors
    /// When the metadata cannot be reached.
    pub(crate) fn claim_due(&self, connection: &Connection) -> Result<bool, EngineError> {
        self.claim(connection, &format!("ended_at_ms <= {}", now_ms() - ms(self.every)))
    }

    /// Claims a run now; false when another holds the claim.
    ///
    /// # Errors
    /// When the metadata cannot be reached.
    pub(crate) fn claim_now(&self, connection: &Connection) -> Result<bool, EngineError> {
        self.claim(connection, "true")
    }

    /// Claims a run now, whoever holds the claim.
    ///
    /// # Errors
    /// When the metadata cannot be reached, or changes meanwhile.
    pub(crate) fn take_over(&self, connection: &Connection) -> Result<(), EngineError> {
        self.make(connection)?;
        let sql = format!(
            "UPDATE {} SET holder = {}, held_until_ms = {}",
            self.table,
            literal(&self.holder),
            now_ms() + ms(CLAIM)
        );
        connection.execute(&sql).map(|_| ())
    }

    fn claim(&self, connection: &Connection, condition: &str) -> Result<bool, EngineError> {
        let (now, holder) = (now_ms(), literal(&self.holder));
        let claim = format!(
            "UPDATE {} SET holder = {holder}, held_until_ms = {} WHERE (held_until_ms < {now} OR holder = {holder}) AND {condition}",
            self.table,
            now + ms(CLAIM),
        );
        match self.make(connection).and_then(|()| connection.execute(&claim)) {
            Ok(rows) => Ok(rows > 0),
            // Somebody else was there first.
            Err(error) if error.kind() == FailureKind::Conflict => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Renews the claim; false when it is another's by now.
    ///
    /// # Errors
    /// When the metadata cannot be reached.
    pub(crate) fn renew(&self, connection: &Connection) -> Result<bool, EngineError> {
        let sql = format!(
            "UPDATE {} SET held_until_ms = {} WHERE holder = {}",
            self.table,
            now_ms() + ms(CLAIM),
            literal(&self.holder)
        );
        Ok(settled(connection, &sql)? > 0)
    }

    /// Gives the claim back. A run that was `cut` is due at once, for another worker.
    ///
    /// # Errors
    /// When the metadata cannot be reached; the claim ends by itself then.
    pub(crate) fn end(&self, connection: &Connection, cut: bool) -> Result<(), EngineError> {
        let ended = if cut { "ended_at_ms".to_owned() } else { now_ms().to_string() };
        let sql = format!(
            "UPDATE {} SET held_until_ms = 0, ended_at_ms = {ended} WHERE holder = {}",
            self.table,
            literal(&self.holder)
        );
        settled(connection, &sql).map(|_| ())
    }
}

/// Runs a statement about the claim, again while writers are in the way.
fn settled(connection: &Connection, sql: &str) -> Result<u64, EngineError> {
    for _ in 0..AGAIN.0 {
        match connection.execute(sql) {
            Err(error) if error.kind() == FailureKind::Conflict => std::thread::sleep(AGAIN.1),
            outcome => return outcome,
        }
    }
    connection.execute(sql)
}

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, ms)
}

fn ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
