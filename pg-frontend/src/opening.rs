//! Connections that have not logged in yet: how many there may be, and who goes when there are more.
//!
//! Anybody can open connections and say nothing. Were new ones refused when the bound is reached, whoever opens that many
//! would keep all others out until the time for a login is over. So the oldest goes: a real login takes milliseconds,
//! and is only lost when the bound's worth of connections come within them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

/// The connections that are opening; clones share them.
#[derive(Clone)]
pub struct Openings {
    most: usize,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    next: u64,
    /// By age, the oldest first.
    open: BTreeMap<u64, CancellationToken>,
}

/// One connection's place; dropping it gives it up.
pub struct Opening {
    openings: Openings,
    number: u64,
    gone: CancellationToken,
}

impl Openings {
    /// Places for so many.
    pub fn new(most: usize) -> Self {
        Self { most: most.max(1), state: Arc::default() }
    }

    /// A place for a new connection. The oldest loses its own if there are too many.
    pub fn begin(&self) -> Opening {
        let gone = CancellationToken::new();
        let mut state = self.lock();
        let number = state.next;
        state.next += 1;
        state.open.insert(number, gone.clone());
        if state.open.len() > self.most {
            state.make_room();
        }
        drop(state);
        Opening { openings: self.clone(), number, gone }
    }

    /// Ends the oldest, for instance because the process has no file descriptors left.
    pub fn make_room(&self) {
        self.lock().make_room();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn make_room(&mut self) {
        if let Some((_, oldest)) = self.open.pop_first() {
            oldest.cancel();
        }
    }
}

impl Opening {
    /// Resolves when the place is lost.
    pub async fn lost(&self) {
        self.gone.cancelled().await;
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        self.openings.lock().open.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_goes() {
        let openings = Openings::new(2);
        let (one, two) = (openings.begin(), openings.begin());
        assert!(!one.gone.is_cancelled());
        let three = openings.begin();
        assert!(one.gone.is_cancelled() && !two.gone.is_cancelled());
        drop(one);
        drop(two);
        let four = openings.begin();
        assert!(!three.gone.is_cancelled() && !four.gone.is_cancelled());
        openings.make_room();
        assert!(three.gone.is_cancelled() && !four.gone.is_cancelled());
        drop((three, four));
        assert!(openings.lock().open.is_empty());
    }
}
