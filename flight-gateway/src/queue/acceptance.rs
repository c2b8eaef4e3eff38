//! How much may wait at all.
//!
//! A statement that was accepted is never dropped, so accepting is what has to be bounded: by the bytes of SQL that are kept, and by
//! the statements of one principal. Beyond that a call is left pending, which keeps its client from sending more; it is not an error. A
//! session that holds a permit must not be kept out forever by those that wait for that permit: one of its statements is accepted
//! all the same, after a while.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tavana_wire::SessionId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes are counted in these, since a semaphore counts up to 2³² at once.
const UNIT_BYTES: u64 = 256;

/// What is accepted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) bytes: u64,
    pub(super) per_principal: Option<u32>,
    /// After this time, and again, it is seen whether the session holds a permit.
    pub(super) retry_after: Duration,
}

/// The books of what was accepted and waits.
pub(super) struct Acceptance {
    bounds: Bounds,
    bytes: Arc<Semaphore>,
    principals: Mutex<HashMap<Arc<str>, Arc<Semaphore>>>,
    /// Sessions of which a statement was accepted beyond the bounds.
    beyond: Mutex<HashSet<SessionId>>,
}

/// A statement may wait in the queue; kept for as long as it does.
pub(crate) struct Accepted {
    books: Arc<Acceptance>,
    principal: Arc<str>,
    bytes: Option<OwnedSemaphorePermit>,
    /// The principal's semaphore, and one of its permits.
    count: Option<(Arc<Semaphore>, OwnedSemaphorePermit)>,
    beyond: Option<SessionId>,
    pub(super) sql_bytes: u64,
}

impl Acceptance {
    pub(super) fn new(bounds: Bounds) -> Arc<Self> {
        let bytes =
            Arc::new(Semaphore::new(usize::try_from(bounds.bytes.div_ceil(UNIT_BYTES)).unwrap_or(usize::MAX >> 3)));
        Arc::new(Self { bounds, bytes, principals: Mutex::default(), beyond: Mutex::default() })
    }

    /// Waits until a statement may wait in the queue.
    pub(super) async fn accept(
        self: &Arc<Self>,
        principal: &Arc<str>,
        session: Option<SessionId>,
        sql_bytes: u64,
        holds_permit: impl Fn(SessionId) -> bool,
    ) -> Accepted {
        let accepted = self.within(principal, sql_bytes);
        let Some(session) = session else { return accepted.await };
        tokio::pin!(accepted);
        loop {
            match tokio::time::timeout(self.bounds.retry_after, &mut accepted).await {
                Ok(accepted) => return accepted,
                Err(_) if holds_permit(session) && lock(&self.beyond).insert(session) => {
                    return self.account(principal, sql_bytes, None, None, Some(session));
                }
                Err(_) => {}
            }
        }
    }

    async fn within(self: &Arc<Self>, principal: &Arc<str>, sql_bytes: u64) -> Accepted {
        // Closed is neither of them ever.
        let own = self.bounds.per_principal.map(|most| self.own(principal, most));
        let mut place = Place { books: self, principal, own };
        let count = match &place.own {
            Some(own) => own.clone().acquire_owned().await.ok(),
            None => None,
        };
        // One statement that is larger than all that may wait gets all of it.
        let units = sql_bytes.min(self.bounds.bytes).div_ceil(UNIT_BYTES);
        let bytes = self.bytes.clone().acquire_many_owned(u32::try_from(units).unwrap_or(u32::MAX)).await.ok();
        self.account(principal, sql_bytes, bytes, place.own.take().zip(count), None)
    }

    fn account(
        self: &Arc<Self>,
        principal: &Arc<str>,
        sql_bytes: u64,
        bytes: Option<OwnedSemaphorePermit>,
        count: Option<(Arc<Semaphore>, OwnedSemaphorePermit)>,
        beyond: Option<SessionId>,
    ) -> Accepted {
        Accepted { books: self.clone(), principal: principal.clone(), bytes, count, beyond, sql_bytes }
    }

    fn own(&self, principal: &Arc<str>, most: u32) -> Arc<Semaphore> {
        let mut principals = lock(&self.principals);
        principals.entry(principal.clone()).or_insert_with(|| Arc::new(Semaphore::new(most as usize))).clone()
    }

    /// Gives up the use of a principal's semaphore, and forgets it with the last.
    fn disown(&self, principal: &str, own: Arc<Semaphore>) {
        let mut principals = lock(&self.principals);
        // Within the lock nobody comes by another: this one and the map's are the last two.
        if Arc::strong_count(&own) == 2 {
            principals.remove(principal);
        }
    }

    #[cfg(test)]
    pub(super) fn is_unused(&self) -> bool {
        let bytes = self.bounds.bytes.div_ceil(UNIT_BYTES) as usize;
        self.bytes.available_permits() == bytes && lock(&self.principals).is_empty() && lock(&self.beyond).is_empty()
    }
}

/// A wait for one of a principal's permits; it may be given up at any point.
struct Place<'a> {
    books: &'a Acceptance,
    principal: &'a str,
    own: Option<Arc<Semaphore>>,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if let Some(own) = self.own.take() {
            self.books.disown(self.principal, own);
        }
    }
}

impl Drop for Accepted {
    fn drop(&mut self) {
        self.bytes = None;
        if let Some((own, permit)) = self.count.take() {
            // The permit holds its semaphore as well.
            drop(permit);
            self.books.disown(&self.principal, own);
        }
        if let Some(session) = self.beyond {
            lock(&self.books.beyond).remove(&session);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
