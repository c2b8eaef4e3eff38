//! The embedded database behind history: one file of redb.
//!
//! redb commits by writing new pages and then one checksummed root, so that a process that is killed at any time leaves the last commit
//! behind, whole. Two tables matter: rows of the log by a number that only grows, and runs by fingerprint. A file that is damaged, or
//! that a newer version wrote, must not keep a gateway from starting: it is moved aside, to be looked at, and a new one begins.

use std::fs;
use std::path::Path;

use prost::Message as _;
use redb::backends::InMemoryBackend;
use redb::{Builder, Database, DatabaseError, ReadableDatabase as _, ReadableTable as _, TableDefinition};
use tavana_wire::status::QueryRow;

use super::runs::Runs;
use super::writer::Key;
use super::{HistoryConfig, HistoryError};

/// The name of the file.
const FILE: &str = "history.redb";
/// Where a file goes that cannot be read; one that is there already is replaced.
const FILE_ASIDE: &str = "history.unreadable.redb";
/// Bytes of pages that redb keeps in memory.
const CACHE_BYTES: usize = 8 << 20;
/// The version of what is in the tables; another one is not understood.
const FORMAT: u64 = 1;
/// What a row takes beside itself.
const ROW_OVERHEAD_BYTES: u64 = 32;

const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
const LOG: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("log");
const RUNS: TableDefinition<'_, Key, &[u8]> = TableDefinition::new("runs");

/// A failure of redb's, whichever of its kinds.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(super) struct StoreError(pub(super) redb::Error);

impl<E: Into<redb::Error>> From<E> for StoreError {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

/// The open database, and what it may hold.
pub(super) struct Store {
    database: Database,
    max_bytes: u64,
    max_us: i64,
}

/// Why a file is not used as it is.
enum Unusable {
    Failed(HistoryError),
    /// Another one can take its place.
    Aside(String),
}

/// Opens the store that is configured; gives the runs in it, those that ran last at the end.
pub(super) fn open(config: &HistoryConfig) -> Result<(Store, Vec<(Key, Runs)>), HistoryError> {
    let store = |database| Store { database, max_bytes: config.log_bytes(), max_us: config.log_us() };
    let Some(folder) = &config.state_dir else {
        let database = builder().create_with_backend(InMemoryBackend::new()).map_err(StoreError::from)?;
        let store = store(database);
        let runs = store.begin()?;
        return Ok((store, runs));
    };
    fs::create_dir_all(folder).map_err(HistoryError::Folder)?;
    let file = folder.join(FILE);
    let reason = match open_file(&file, config.log_bytes(), store) {
        Ok(opened) => return Ok(opened),
        Err(Unusable::Failed(error)) => return Err(error),
        Err(Unusable::Aside(reason)) => reason,
    };
    fs::rename(&file, folder.join(FILE_ASIDE)).map_err(HistoryError::Folder)?;
    tracing::warn!(
        reason,
        moved_to = FILE_ASIDE,
        "{FILE} in --state-dir cannot be read and was moved aside; the statement log and what statements took begin anew"
    );
    open_file(&file, config.log_bytes(), store).map_err(|unusable| match unusable {
        Unusable::Failed(error) => error,
        Unusable::Aside(reason) => StoreError(redb::Error::Corrupted(reason)).into(),
    })
}

fn open_file(
    file: &Path,
    max_bytes: u64,
    store: impl FnOnce(Database) -> Store,
) -> Result<(Store, Vec<(Key, Runs)>), Unusable> {
    let mut database = builder().create(file).map_err(|error| match error {
        DatabaseError::DatabaseAlreadyOpen => Unusable::Failed(HistoryError::InUse),
        error => unusable(error.into()),
    })?;
    // Pages that are free are used again, but only this gives them back.
    if fs::metadata(file).is_ok_and(|file| file.len() > max_bytes.saturating_mul(2) + (32 << 20)) {
        database.compact().map_err(|error| unusable(error.into()))?;
    }
    let store = store(database);
    if let Some(format) = store.format().map_err(unusable)?.filter(|&format| format != FORMAT) {
        return Err(Unusable::Aside(format!("it has format {format}, and this version of Tavana knows {FORMAT}")));
    }
    let runs = store.begin().map_err(unusable)?;
    Ok((store, runs))
}

/// Whether the file or its surroundings are to blame.
fn unusable(error: StoreError) -> Unusable {
    match error.0 {
        error @ (redb::Error::Corrupted(_)
        | redb::Error::UpgradeRequired(_)
        | redb::Error::RepairAborted
        | redb::Error::TableTypeMismatch { .. }
        | redb::Error::TypeDefinitionChanged { .. }) => Unusable::Aside(error.to_string()),
        // redb says so of a file that does not begin as its files do, or ends too early.
        redb::Error::Io(error)
            if matches!(error.kind(), std::io::ErrorKind::InvalidData | std::io::ErrorKind::UnexpectedEof) =>
        {
            Unusable::Aside(error.to_string())
        }
        error => Unusable::Failed(StoreError(error).into()),
    }
}

fn builder() -> Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE_BYTES);
    builder
}

impl Store {
    fn format(&self) -> Result<Option<u64>, StoreError> {
        let read = self.database.begin_read()?;
        match read.open_table(META) {
            Ok(meta) => Ok(meta.get("format")?.map(|format| format.value())),
            Err(redb::TableError::TableDoesNotExist(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Makes the tables that are not there, and reads all runs.
    fn begin(&self) -> Result<Vec<(Key, Runs)>, StoreError> {
        let write = self.database.begin_write()?;
        write.open_table(META)?.insert("format", FORMAT)?;
        write.open_table(LOG)?;
        let mut all = Vec::new();
        for entry in write.open_table(RUNS)?.iter()? {
            let (key, runs) = entry?;
            all.extend(Runs::decode(runs.value()).ok().map(|runs| (key.value(), runs)));
        }
        write.commit()?;
        all.sort_by_key(|(_, runs)| runs.last_us());
        Ok(all)
    }

    /// The number of the next row.
    pub(super) fn next_row(&self) -> Result<u64, StoreError> {
        let read = self.database.begin_read()?;
        let last = read.open_table(LOG)?.last()?.map(|(number, _)| number.value());
        Ok(last.map_or(0, |number| number + 1))
    }

    /// Adds rows, puts runs or removes them, and removes rows that are too many or too old; gives the bytes of the log then.
    pub(super) fn commit(
        &self,
        rows: &[(u64, &[u8])],
        runs: &[(Key, Option<Vec<u8>>)],
        now_us: i64,
    ) -> Result<u64, StoreError> {
        let write = self.database.begin_write()?;
        let bytes = {
            let (mut meta, mut log) = (write.open_table(META)?, write.open_table(LOG)?);
            let mut bytes = meta.get("log_bytes")?.map_or(0, |bytes| bytes.value());
            for (number, row) in rows {
                log.insert(number, row)?;
                bytes += size(row);
            }
            while let Some((number, taken)) = self.excess(&log, bytes, now_us)? {
                log.remove(number)?;
                bytes = bytes.saturating_sub(taken);
            }
            meta.insert("log_bytes", bytes)?;
            let mut table = write.open_table(RUNS)?;
            for (key, runs) in runs {
                match runs {
                    Some(runs) => table.insert(key, runs.as_slice())?,
                    None => table.remove(key)?,
                };
            }
            bytes
        };
        write.commit()?;
        Ok(bytes)
    }

    /// The oldest row, if it has to go, and its bytes.
    fn excess(
        &self,
        log: &redb::Table<'_, u64, &'static [u8]>,
        bytes: u64,
        now_us: i64,
    ) -> Result<Option<(u64, u64)>, StoreError> {
        let Some((number, row)) = log.first()? else { return Ok(None) };
        let is_old = || {
            let ended_us = QueryRow::decode(row.value()).ok().and_then(|row| row.ended_us);
            ended_us.is_none_or(|ended_us| ended_us < now_us.saturating_sub(self.max_us))
        };
        Ok((bytes > self.max_bytes || is_old()).then(|| (number.value(), size(row.value()))))
    }

    /// Gives `each` the rows below `first`, the newest first and at most `limit`, until it wants no more.
    pub(super) fn recent(
        &self,
        first: u64,
        limit: usize,
        each: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<(), StoreError> {
        let read = self.database.begin_read()?;
        for entry in read.open_table(LOG)?.range(..first)?.rev().take(limit) {
            if !each(entry?.1.value()) {
                break;
            }
        }
        Ok(())
    }

    #[cfg(test)]
    pub(super) fn on(backend: impl redb::StorageBackend, config: &HistoryConfig) -> Result<Self, StoreError> {
        let database = builder().create_with_backend(backend)?;
        let store = Self { database, max_bytes: config.query_log_max_bytes, max_us: config.log_us() };
        store.begin()?;
        Ok(store)
    }
}

fn size(row: &[u8]) -> u64 {
    row.len() as u64 + ROW_OVERHEAD_BYTES
}
