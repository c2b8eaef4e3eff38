//! History as its users see it, and what is left of it after a crash.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use redb::StorageBackend;
use tavana_wire::estimate::{Actual, Estimate};
use tempfile::TempDir;

use super::*;

fn config(folder: Option<&TempDir>) -> HistoryConfig {
    HistoryConfig {
        state_dir: folder.map(|folder| folder.path().join("state")),
        query_log_max_bytes: 1 << 20,
        query_log_max_days: 30,
        query_log_text_bytes: 20,
        history_max_fingerprints: 3.try_into().unwrap(),
        cost_per_gib_second: 0.5,
    }
}

fn open(config: &HistoryConfig) -> History {
    History::open(config.clone(), &Registry::new()).unwrap()
}

/// Statement number `number` of `principal`, which ended now and took as many bytes as its number times 1000.
fn row(principal: &str, number: u8) -> QueryRow {
    let now = now_us();
    QueryRow {
        query_id: vec![number; 16],
        principal: principal.to_owned(),
        sql: "SELECT 1".to_owned(),
        outcome: OK.to_owned(),
        estimate: Some(Estimate { fingerprint: vec![number; 16], ..Estimate::default() }),
        actual: Some(Actual { peak_memory_bytes: Some(u64::from(number) * 1000), ..Actual::default() }),
        arrived_us: now - 1_000_000,
        started_us: Some(now - 1_000_000),
        ended_us: Some(now),
        grant_bytes: Some(1 << 30),
        ..QueryRow::default()
    }
}

async fn recent(history: &History, principal: Option<&str>, limit: usize) -> Vec<u8> {
    history.recent(principal, limit).await.unwrap().iter().map(|row| row.query_id[0]).collect()
}

fn peak(history: &History, number: u8) -> Option<u64> {
    history.expect(&Fingerprint([number; 16])).and_then(|expected| expected.peak_memory_bytes)
}

async fn check_three(history: &History) {
    assert_eq!(recent(history, None, 10).await, [3, 2, 1]);
    assert_eq!(recent(history, Some("ada"), 10).await, [3, 1]);
    assert_eq!(recent(history, Some("ada"), 1).await, [3]);
    assert_eq!(recent(history, Some("eve"), 10).await, Vec::<u8>::new());
    assert_eq!(peak(history, 3), Some(3600));
    assert_eq!(peak(history, 4), None);
}

#[tokio::test]
async fn what_is_recorded_is_seen_at_once_and_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(Some(&folder));
    let history = open(&config);
    for (principal, number) in [("ada", 1), ("bob", 2), ("ada", 3)] {
        history.record(row(principal, number));
    }
    check_three(&history).await;
    assert!(matches!(History::open(config.clone(), &Registry::new()), Err(HistoryError::InUse)));
    drop(history);
    check_three(&open(&config)).await;
}

#[tokio::test]
async fn the_least_recently_used_fingerprints_are_forgotten_for_good() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(Some(&folder));
    let history = open(&config);
    for number in 1..=3 {
        history.record(row("ada", number));
    }
    assert!(peak(&history, 1).is_some());
    history.record(row("ada", 4));
    let known = |history: &History| (1..=4).filter(|&number| peak(history, number).is_some()).collect::<Vec<_>>();
    assert_eq!(known(&history), [1, 3, 4]);
    drop(history);
    assert_eq!(known(&open(&config)), [1, 3, 4]);
    // A smaller bound keeps those that ran last.
    let smaller = HistoryConfig { history_max_fingerprints: 1.try_into().unwrap(), ..config };
    assert_eq!(known(&open(&smaller)), [4]);
    assert_eq!(known(&open(&smaller)), [4]);
}

#[tokio::test]
async fn a_row_tells_cost_and_text_as_configured() {
    let history = open(&config(None));
    let check = |sql: &str, logged: &str| {
        history.record(QueryRow { sql: sql.to_owned(), ..row("ada", 1) });
        let logged = logged.to_owned();
        let history = &history;
        async move { assert_eq!(history.recent(None, 1).await.unwrap()[0].sql, logged) }
    };
    check("SELECT 1", "SELECT 1").await;
    check("SELECT 'äöüäöüäöüäöü'", "SELECT 'äöüäöü…").await;
    check("CREATE SECRET (TYPE s3, KEY_ID 'a', SECRET 'b')", "").await;
    assert_eq!(history.recent(None, 1).await.unwrap()[0].cost, Some(0.5));
}

#[tokio::test]
async fn log_and_file_are_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let config = HistoryConfig { query_log_max_bytes: 200 << 10, ..config(Some(&folder)) };
    let size = |history: &History| history.shared.metrics.bytes.get();
    let history = open(&config);
    for round in 0..40 {
        for number in 0..100 {
            history.record(QueryRow { worker: "w".repeat(500), ..row("ada", number) });
        }
        // Rows are not to be dropped here.
        let begun = Instant::now();
        while history.shared.queue.waiting().1.len() > 4000 && begun.elapsed() < Duration::from_secs(60) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert!(size(&history) <= 200 << 10, "round {round}");
    }
    drop(history);
    let history = open(&config);
    assert_eq!(recent(&history, None, 3).await, [99, 98, 97]);
    let kept = recent(&history, None, usize::MAX).await.len();
    assert!((100..400).contains(&kept), "{kept}");
    let file = std::fs::metadata(folder.path().join("state/history.redb")).unwrap().len();
    assert!(file < 32 << 20, "{file}");
}

#[tokio::test]
async fn rows_leave_the_log_when_they_are_old() {
    let history = open(&config(None));
    let days = |days: i64| Some(now_us() - days * 86_400_000_000);
    for (number, ended_us) in [(1, days(31)), (2, days(29)), (3, days(0))] {
        history.record(QueryRow { ended_us, ..row("ada", number) });
    }
    let begun = Instant::now();
    while !history.shared.queue.waiting().1.is_empty() && begun.elapsed() < Duration::from_secs(60) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(recent(&history, None, 10).await, [3, 2]);
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_moved_aside() {
    let file_of = |format: u64| {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("newer.redb");
        let database = redb::Database::create(&file).unwrap();
        let write = database.begin_write().unwrap();
        write.open_table(redb::TableDefinition::<&str, u64>::new("meta")).unwrap().insert("format", format).unwrap();
        write.commit().unwrap();
        drop(database);
        std::fs::read(file).unwrap()
    };
    let good = file_of(1);
    let mut damaged = good.clone();
    damaged[..200].fill(0xa5);
    let cases = [b"no store at all".to_vec(), damaged, good[..1000].to_vec(), file_of(2)];
    for (case, bytes) in cases.into_iter().enumerate() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(Some(&folder));
        let state = config.state_dir.clone().unwrap();
        std::fs::create_dir_all(&state).unwrap();
        std::fs::write(state.join("history.redb"), &bytes).unwrap();
        let history = open(&config);
        history.record(row("ada", 1));
        assert_eq!(recent(&history, None, 10).await, [1], "{case}");
        assert!(state.join("history.unreadable.redb").exists(), "{case}");
    }
}

/// A disk that loses its power: of what was written since the last sync, each write is there, torn or lost.
#[derive(Clone, Debug, Default)]
struct Disk(Arc<Mutex<Sectors>>);

#[derive(Debug, Default)]
struct Sectors {
    synced: Vec<u8>,
    now: Vec<u8>,
    since: Vec<Change>,
    /// Changes until the power goes.
    left: usize,
}

#[derive(Clone, Debug)]
enum Change {
    Length(usize),
    Bytes(usize, Vec<u8>),
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>, torn_to: Option<usize>) {
        match self {
            Self::Length(length) => bytes.resize(*length, 0),
            Self::Bytes(at, data) => {
                let data = &data[..torn_to.unwrap_or(data.len()).min(data.len())];
                bytes.resize(bytes.len().max(at + data.len()), 0);
                bytes[*at..*at + data.len()].copy_from_slice(data);
            }
        }
    }
}

impl Disk {
    fn new(bytes: Vec<u8>, left: usize) -> Self {
        Self(Arc::new(Mutex::new(Sectors { synced: bytes.clone(), now: bytes, since: vec![], left })))
    }

    fn change(&self, change: Change) -> Result<(), std::io::Error> {
        let mut sectors = self.0.lock().unwrap();
        sectors.left = sectors.left.checked_sub(1).ok_or_else(|| std::io::Error::other("no power"))?;
        change.apply(&mut sectors.now, None);
        sectors.since.push(change);
        Ok(())
    }

    /// What is on it when the power is back; `fates` says what became of each change since the last sync.
    fn survivors(&self, fates: &[u8]) -> Vec<u8> {
        let sectors = self.0.lock().unwrap();
        let mut bytes = sectors.synced.clone();
        for (change, fate) in sectors.since.iter().zip(fates.iter().cycle()) {
            match fate % 4 {
                // Lengths are the file system's, which orders them.
                _ if matches!(change, Change::Length(_)) => change.apply(&mut bytes, None),
                0 => {}
                1 => change.apply(&mut bytes, Some(512 * usize::from(*fate))),
                _ => change.apply(&mut bytes, None),
            }
        }
        bytes
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> Result<u64, std::io::Error> {
        Ok(self.0.lock().unwrap().now.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), std::io::Error> {
        let at = usize::try_from(offset).unwrap();
        out.copy_from_slice(&self.0.lock().unwrap().now[at..at + out.len()]);
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<(), std::io::Error> {
        self.change(Change::Length(usize::try_from(len).unwrap()))
    }

    fn sync_data(&self) -> Result<(), std::io::Error> {
        let mut sectors = self.0.lock().unwrap();
        sectors.left = sectors.left.checked_sub(1).ok_or_else(|| std::io::Error::other("no power"))?;
        sectors.synced = sectors.now.clone();
        sectors.since.clear();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), std::io::Error> {
        self.change(Change::Bytes(usize::try_from(offset).unwrap(), data.to_vec()))
    }
}

/// Commits batches until the power goes; gives how many were committed.
fn commit_until(disk: &Disk, config: &HistoryConfig) -> u64 {
    let Ok(store) = Store::on(disk.clone(), config) else { return 0 };
    let next = store.next_row().unwrap_or(0);
    for number in next..next + 30 {
        let bytes = row("ada", u8::try_from(number % 256).unwrap()).encode_to_vec();
        let runs = [([u8::try_from(number % 5).unwrap(); 16], Some(Runs::default().encode_to_vec()))];
        if store.commit(&[(number, &bytes)], &runs, now_us()).is_err() {
            return number;
        }
    }
    next + 30
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_commit_survives_a_crash_at_any_moment(
        crashes in proptest::collection::vec((0_usize..400, proptest::collection::vec(any::<u8>(), 1..40)), 1..4),
    ) {
        let config = config(None);
        let (mut bytes, mut expected) = (Vec::new(), 0);
        for (left, fates) in crashes {
            let disk = Disk::new(bytes, left);
            let committed = commit_until(&disk, &config);
            expected = expected.max(committed);
            bytes = disk.survivors(&fates);
            // The power is back, and the store says what it has: all that was committed, and at most the batch after it.
            let disk = Disk::new(bytes, usize::MAX);
            let store = match Store::on(disk.clone(), &config) {
                Ok(store) => store,
                // It was not even made; one that cannot be read is moved aside and a new one made.
                Err(_) if expected == 0 => {
                    bytes = Vec::new();
                    continue;
                }
                Err(error) => panic!("{error}"),
            };
            let mut found = Vec::new();
            store.recent(u64::MAX, usize::MAX, &mut |row| {
                found.push(u64::from(decoded(row).unwrap().query_id[0]));
                true
            }).unwrap();
            found.reverse();
            let count = found.len() as u64;
            prop_assert!(count >= expected && count <= expected + 1, "{count} of {expected}");
            prop_assert_eq!(found, (0..count).collect::<Vec<_>>());
            expected = count;
            drop(store);
            bytes = disk.0.lock().unwrap().now.clone();
        }
    }
}
