//! One worker of a fleet at a time.
//!
//! The claim is a row beside DuckLake's own tables, in the one database that all workers share anyway. It saves work, nothing
//! depends on it: should two workers maintain a lake at once, DuckLake's commits keep them apart as they do two writers. So the
//! clocks of the workers may differ, a claim need not be renewed, and one that is left behind by a worker that died just ends.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tavana_wire::FailureKind;

use super::metadata_of;
use crate::engine::{Connection, EngineError, literal};

/// How long a claim holds at least; a run may take longer.
const SHORTEST_CLAIM: Duration = Duration::from_secs(3600);

/// How often the claim is given back again, and after which time, when writers are in the way.
const END_AGAIN: (u32, Duration) = (30, Duration::from_millis(100));

/// The row about one catalog.
#[derive(Clone, Debug)]
pub(crate) struct Lease {
    table: String,
    holder: String,
    every: Duration,
}

impl Lease {
    /// For the worker `holder`.
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

    /// Claims the run that is due; false when none is, or another worker has it. A claim of this worker's own is one that could not be
    /// given back.
    ///
    /// # Errors
    /// When the metadata cannot be reached.
    pub(crate) fn claim(&self, connection: &Connection) -> Result<bool, EngineError> {
        let (now, holder) = (now_ms(), literal(&self.holder));
        let claim = format!(
            "UPDATE {} SET holder = {}, held_until_ms = {} WHERE (held_until_ms < {now} OR holder = {holder}) AND ended_at_ms <= {}",
            self.table,
            holder,
            now + ms(self.every.max(SHORTEST_CLAIM)),
            now - ms(self.every),
        );
        match self.make(connection).and_then(|()| connection.execute(&claim)) {
            Ok(rows) => Ok(rows > 0),
            // Somebody else was there first.
            Err(error) if error.kind() == FailureKind::Conflict => Ok(false),
            Err(error) => Err(error),
        }
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
        let mut ended = connection.execute(&sql);
        for _ in 0..END_AGAIN.0 {
            match &ended {
                Err(error) if error.kind() == FailureKind::Conflict => std::thread::sleep(END_AGAIN.1),
                _ => break,
            }
            ended = connection.execute(&sql);
        }
        ended.map(|_| ())
    }
}

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, ms)
}

fn ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
