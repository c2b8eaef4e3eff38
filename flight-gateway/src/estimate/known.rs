//! What is known of the relations that statements read: asked of a worker once, and kept for a while.
//!
//! What a caller may know depends on who it is, on its credentials and on what its names mean, so each answer is kept for its principal, role
//! and settings. While an answer is fresh it is used; a stale one is used once more while it is asked for again behind the caller's back, so
//! that only the first statement waits. Everything is bounded in bytes.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lru::LruCache;
use prost::Message as _;
use ring::digest;
use tavana_wire::SessionState;
use tavana_wire::statistics::{
    MAX_RELATIONS, Reference, Relation, RelationKind, RelationStatistics, StatisticsAnswer, StatisticsRequest, VERSION,
};
use tokio::time::Instant;

use super::Knowledge;
use super::tables::Table;

/// For how long a relation that could not be looked at counts as such.
const FAILURE_FRESH: Duration = Duration::from_secs(2);
/// Entries beside the bound in bytes, so that empty answers are bounded, too.
const MAX_ENTRIES: usize = 20_000;
/// How much larger an answer is in memory than on the wire, about.
const DECODED: usize = 3;

/// How deep views that stand on views are followed.
const MAX_VIEWS: usize = 8;
/// Relations of a view that are looked at.
const MAX_READ: usize = 256;

/// What is known of a relation.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) told: Arc<RelationStatistics>,
    /// Its columns; absent when they are not known.
    pub(super) table: Option<Arc<Table>>,
    /// What a view reads.
    below: Arc<Vec<Known>>,
}

impl Known {
    pub(super) fn is_view(&self) -> bool {
        self.told.kind() == RelationKind::View
    }

    /// What is known of a relation in a view's query: the worker tells what a view reads without the words that the view has for it.
    pub(super) fn read(&self, relation: &Relation) -> Option<Known> {
        if let [only] = self.below.as_slice() {
            return Some(only.clone());
        }
        let is_it = |known: &&Known| match relation.reference.as_ref() {
            Some(Reference::Name(name)) if !known.told.name.is_empty() => {
                let mut parts = name.parts.iter().rev().zip(known.told.name.iter().rev());
                parts.all(|(asked, told)| asked.eq_ignore_ascii_case(told))
            }
            Some(Reference::Name(name)) => name.parts.last().is_some_and(|pattern| reads_files(known, pattern)),
            Some(Reference::Call(call)) => {
                let first = call.arguments.first().and_then(|argument| argument.value.as_ref());
                matches!(first, Some(tavana_wire::statistics::ArgumentValue::Text(text)) if reads_files(known, text))
            }
            None => false,
        };
        self.below.iter().find(is_it).cloned()
    }

    /// The relations of an answer; those that views read are under them.
    fn all(answer: StatisticsAnswer) -> Vec<Known> {
        let told: Vec<Arc<RelationStatistics>> = answer.relations.into_iter().map(Arc::new).collect();
        let tables: Vec<Option<Arc<Table>>> =
            told.iter().map(|one| Table::new(Arc::clone(one)).map(Arc::new)).collect();
        // Views stand on views, and each may be read by many: so all are made level by level, and not one by one.
        let level = |below: &[Known]| -> Vec<Known> {
            let known = |(told, table): (&Arc<RelationStatistics>, &Option<Arc<Table>>)| {
                let reads = told.reads.iter().take(MAX_READ);
                let below = reads.filter_map(|&read| below.get(read as usize).cloned()).collect();
                Known { told: Arc::clone(told), table: table.clone(), below: Arc::new(below) }
            };
            told.iter().zip(&tables).map(known).collect()
        };
        (0..MAX_VIEWS).fold(level(&[]), |below, _| level(&below))
    }
}

/// Whether a relation's files are those of a pattern, by what the pattern begins with.
fn reads_files(known: &Known, pattern: &str) -> bool {
    let fixed = pattern.split(['*', '?', '[']).next().unwrap_or(pattern);
    known.told.name.is_empty() && known.told.files.first().is_some_and(|file| file.name.contains(fixed))
}

/// For whom an answer is: whoever has the same scope may know the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Scope([u8; 32]);

impl Scope {
    pub(super) fn of(session: &SessionState) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        let mut add = |part: &[u8]| {
            context.update(&(part.len() as u64).to_le_bytes());
            context.update(part);
        };
        add(session.principal.as_bytes());
        add(&session.role.to_le_bytes());
        for (name, value) in &session.settings {
            add(name.as_bytes());
            add(value.as_bytes());
        }
        // On its home it may have tables that nobody else sees.
        if !session.home.is_empty() {
            add(&session.session_id);
        }
        let mut bytes = [0; 32];
        bytes.copy_from_slice(context.finish().as_ref());
        Self(bytes)
    }
}

type Key = (Scope, Vec<u8>);

struct Entry {
    known: Known,
    asked: Instant,
    bytes: usize,
    /// Somebody is asking for it again.
    is_asked_again: bool,
}

/// Answers of workers, the most recently used ones.
#[derive(Clone)]
pub(super) struct Cache {
    entries: Arc<Mutex<(LruCache<Key, Entry>, usize)>>,
    max_bytes: usize,
    fresh: Duration,
    stale: Duration,
}

impl Cache {
    pub(super) fn new(max_bytes: usize, fresh: Duration, stale: Duration) -> Self {
        let entries = LruCache::new(NonZeroUsize::new(MAX_ENTRIES).unwrap_or(NonZeroUsize::MIN));
        Self { entries: Arc::new(Mutex::new((entries, 0))), max_bytes, fresh, stale }
    }

    /// What is known of relations; what is not in the cache is asked of the worker, within `budget`.
    pub(super) async fn look(
        &self,
        scope: Scope,
        relations: &[Option<Relation>],
        knowledge: &impl Knowledge,
        budget: Duration,
    ) -> Vec<Option<Known>> {
        let mut missing: Vec<Relation> = Vec::new();
        let mut again: Vec<Relation> = Vec::new();
        let mut found: Vec<Option<Known>> = Vec::new();
        for relation in relations {
            let (known, ask) = relation.as_ref().map_or((None, None), |relation| self.get(scope, relation));
            match (relation, ask) {
                (Some(relation), Some(Ask::Now)) if !missing.contains(relation) => missing.push(relation.clone()),
                (Some(relation), Some(Ask::Behind)) => again.push(relation.clone()),
                _ => {}
            }
            found.push(known);
        }
        if !again.is_empty() {
            let (cache, knowledge) = (self.clone(), knowledge.clone());
            tokio::spawn(async move { cache.ask(scope, again, &knowledge, budget * 10).await });
        }
        if !missing.is_empty() {
            let told = self.ask(scope, missing, knowledge, budget).await;
            for (relation, known) in relations.iter().zip(&mut found) {
                let answer = || told.iter().find(|(asked, _)| Some(asked) == relation.as_ref());
                *known = known.take().or_else(|| answer().map(|(_, known)| known.clone()));
            }
        }
        found
    }

    fn get(&self, scope: Scope, relation: &Relation) -> (Option<Known>, Option<Ask>) {
        let mut entries = self.lock();
        let Some(entry) = entries.0.get_mut(&(scope, relation.encode_to_vec())) else { return (None, Some(Ask::Now)) };
        let fresh = if entry.known.told.failure.is_some() { self.fresh.min(FAILURE_FRESH) } else { self.fresh };
        let age = entry.asked.elapsed();
        if age >= self.stale {
            return (None, Some(Ask::Now));
        }
        let ask = age >= fresh && !std::mem::replace(&mut entry.is_asked_again, age >= fresh);
        (Some(entry.known.clone()), ask.then_some(Ask::Behind))
    }

    /// Asks a worker, and keeps the answer. A worker that does not answer leaves things as they were.
    async fn ask(
        &self,
        scope: Scope,
        relations: Vec<Relation>,
        knowledge: &impl Knowledge,
        budget: Duration,
    ) -> Vec<(Relation, Known)> {
        let mut told = Vec::new();
        for part in relations.chunks(MAX_RELATIONS) {
            let budget_ms = u64::try_from(budget.as_millis()).unwrap_or(u64::MAX).max(1);
            let request = StatisticsRequest { version: VERSION, relations: part.to_vec(), budget_ms };
            let answer = tokio::time::timeout(budget, knowledge.statistics(request)).await;
            let Ok(Ok(answer)) = answer else {
                part.iter().for_each(|relation| self.give_up(scope, relation));
                continue;
            };
            for (relation, known) in part.iter().zip(Known::all(answer)) {
                self.put(scope, relation, known.clone());
                told.push((relation.clone(), known));
            }
        }
        told
    }

    fn give_up(&self, scope: Scope, relation: &Relation) {
        if let Some(entry) = self.lock().0.get_mut(&(scope, relation.encode_to_vec())) {
            entry.is_asked_again = false;
        }
    }

    fn put(&self, scope: Scope, relation: &Relation, known: Known) {
        let size = |known: &Known| known.told.encoded_len();
        let bytes = (size(&known) + known.below.iter().map(size).sum::<usize>()).saturating_mul(DECODED);
        if bytes > self.max_bytes {
            return;
        }
        let mut entries = self.lock();
        let entry = Entry { known, asked: Instant::now(), bytes, is_asked_again: false };
        if let Some((_, old)) = entries.0.push((scope, relation.encode_to_vec()), entry) {
            entries.1 -= old.bytes;
        }
        entries.1 += bytes;
        while entries.1 > self.max_bytes {
            let Some((_, old)) = entries.0.pop_lru() else { break };
            entries.1 -= old.bytes;
        }
    }

    fn lock(&self) -> MutexGuard<'_, (LruCache<Key, Entry>, usize)> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When the worker is asked for a relation.
enum Ask {
    Now,
    Behind,
}
