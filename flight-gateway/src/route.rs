//! Which worker serves a call: a pure choice.
//!
//! A handle may name its worker (a stored result), and a session may have a home (temporary tables, a
//! transaction). Either pins the call. A prepared statement prefers the worker that keeps its bound parameters; any other can
//! prepare it anew, and asks for parameters if it needs some. Of what several tokens and replies say about
//! the same session, the newest version counts. Everything else goes to the healthy worker with the
//! fewest running calls.

use tavana_wire::handle::Work;
use tavana_wire::{FailureKind, Handle, SessionId, SessionState, WorkerId};

use crate::flight_sql::Purpose;

/// How a worker is, as the gateway sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Health {
    /// Not asked yet.
    Unknown,
    /// It answers and takes calls.
    Up,
    /// It finishes what it has and takes nothing new.
    Draining,
    /// It cannot be reached or does not answer.
    Down,
}

impl Health {
    /// Its name in tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Up => "up",
            Self::Draining => "draining",
            Self::Down => "down",
        }
    }
}

/// A worker to choose from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate {
    /// Its id, once it told it; kept while it is down.
    pub(crate) id: Option<WorkerId>,
    /// How it is.
    pub(crate) health: Health,
    /// Calls that this gateway has running there.
    pub(crate) running: usize,
}

/// What a worker holds, so that no other can serve the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    /// Temporary tables or a transaction.
    Session,
    /// A finished result.
    Result,
    /// The bound parameters of a prepared statement.
    Parameters,
}

/// Where a call must or may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// Any healthy worker.
    Anywhere,
    /// This worker alone.
    Pinned(WorkerId, Held),
    /// This worker, or any other when it is gone.
    Preferred(WorkerId),
}

/// The home of a session as of some version of its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Home {
    /// [`SessionState::version`].
    pub(crate) version: u64,
    /// The worker, if the session had one.
    pub(crate) worker: Option<WorkerId>,
}

/// Why no worker can serve a call.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum RouteError {
    #[error(
        "no worker is reachable; check that a worker runs, that the gateway's --worker names its address, \
         and that both use the same --key-file"
    )]
    NoWorker,
    #[error("every worker is draining; try again in a moment")]
    AllDraining,
    #[error("the worker that holds this session's temporary tables or transaction cannot be reached now; try again")]
    Unreachable,
    #[error(
        "the worker that held this session's temporary tables or transaction is gone, and they with it; connect again"
    )]
    SessionGone,
    #[error("the worker that kept this result is gone; run the statement again")]
    ResultGone,
    #[error("the worker that kept this statement's parameters is gone; prepare the statement again")]
    ParametersGone,
}

impl RouteError {
    pub(crate) fn kind(self) -> FailureKind {
        match self {
            Self::NoWorker | Self::AllDraining | Self::Unreachable => FailureKind::Unavailable,
            Self::SessionGone => FailureKind::SessionGone,
            Self::ParametersGone => FailureKind::State,
            Self::ResultGone => FailureKind::ResultLost,
        }
    }
}

/// Where a call of `caller` with these handles belongs. `learned` knows homes from workers' replies.
pub(crate) fn target(
    purpose: Purpose,
    handles: &[Handle],
    caller: &SessionState,
    learned: impl Fn(SessionId) -> Option<Home>,
) -> Target {
    let sessions: Vec<&SessionState> =
        handles.iter().filter_map(|handle| handle.session.as_ref()).chain([caller]).collect();
    let pin = handles.iter().find_map(named_worker).or_else(|| {
        let home = sessions.iter().find_map(|session| newest_home(session, &sessions, &learned));
        home.map(|worker| (worker, Held::Session))
    });
    match (pin, purpose) {
        (None, _) => Target::Anywhere,
        (Some((worker, _)), Purpose::Release | Purpose::CloseSession | Purpose::Cancel) => Target::Preferred(worker),
        (Some((worker, held)), Purpose::Look | Purpose::Fetch | Purpose::Run) => Target::Pinned(worker, held),
    }
}

/// The worker that a handle itself names.
fn named_worker(handle: &Handle) -> Option<(WorkerId, Held)> {
    match &handle.work {
        Some(Work::Stored(stored)) => Some((WorkerId::from_bytes(&stored.worker_id)?, Held::Result)),
        Some(Work::Prepared(prepared)) => Some((WorkerId::from_bytes(&prepared.worker_id)?, Held::Parameters)),
        _ => None,
    }
}

/// The home of `session`, from the newest of all that is known of it.
fn newest_home(
    session: &SessionState,
    states: &[&SessionState],
    learned: impl Fn(SessionId) -> Option<Home>,
) -> Option<WorkerId> {
    let told = states
        .iter()
        .filter(|state| state.session_id == session.session_id)
        .map(|state| Home { version: state.version, worker: state.home() });
    let learned = session.id().ok().and_then(learned);
    told.chain(learned).max_by_key(|home| (home.version, home.worker.is_some())).and_then(|home| home.worker)
}

/// The index of the worker that serves the call; never the one at `avoid`.
///
/// # Errors
/// [`RouteError`], saying why there is none.
pub(crate) fn choose(target: Target, candidates: &[Candidate], avoid: Option<usize>) -> Result<usize, RouteError> {
    match target {
        Target::Anywhere => least_busy(candidates, avoid),
        Target::Pinned(worker, held) => pinned(worker, held, candidates),
        Target::Preferred(worker) => {
            pinned(worker, Held::Session, candidates).or_else(|_| least_busy(candidates, avoid))
        }
    }
}

fn pinned(worker: WorkerId, held: Held, candidates: &[Candidate]) -> Result<usize, RouteError> {
    let at = candidates.iter().position(|candidate| candidate.id == Some(worker));
    let health = at.and_then(|at| candidates.get(at)).map(|candidate| candidate.health);
    // A worker that has not told its id yet may be the one.
    let may_come = candidates.iter().any(|candidate| candidate.id.is_none());
    match (at, health) {
        (Some(at), Some(Health::Up | Health::Draining)) => Ok(at),
        (Some(_), _) => Err(RouteError::Unreachable),
        (None, _) if may_come => Err(RouteError::Unreachable),
        (None, _) => Err(match held {
            Held::Session => RouteError::SessionGone,
            Held::Result => RouteError::ResultGone,
            Held::Parameters => RouteError::ParametersGone,
        }),
    }
}

fn least_busy(candidates: &[Candidate], avoid: Option<usize>) -> Result<usize, RouteError> {
    let up =
        candidates.iter().enumerate().filter(|(at, candidate)| candidate.health == Health::Up && Some(*at) != avoid);
    up.min_by_key(|(_, candidate)| candidate.running).map(|(at, _)| at).ok_or_else(|| {
        let draining = candidates.iter().any(|candidate| candidate.health == Health::Draining);
        if draining { RouteError::AllDraining } else { RouteError::NoWorker }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tavana_wire::Role;
    use tavana_wire::handle::{PreparedHandle, StoredTicket};

    fn session(version: u64, home: Option<WorkerId>) -> SessionState {
        let home = home.map(|worker| worker.to_vec()).unwrap_or_default();
        SessionState { version, home, ..SessionState::new("ada", Role::User) }
    }

    fn later(session: &SessionState, version: u64, home: Option<WorkerId>) -> SessionState {
        let home = home.map(|worker| worker.to_vec()).unwrap_or_default();
        SessionState { version, home, ..session.clone() }
    }

    fn handle(session: &SessionState, work: Work) -> Handle {
        Handle { session: Some(session.clone()), expires_unix_ms: u64::MAX, work: Some(work) }
    }

    fn candidate(id: Option<WorkerId>, health: Health, running: usize) -> Candidate {
        Candidate { id, health, running }
    }

    const NOTHING_LEARNED: fn(SessionId) -> Option<Home> = |_| None;

    #[test]
    fn a_call_without_state_goes_to_the_least_busy_worker_that_is_up() {
        let target = target(Purpose::Run, &[], &session(0, None), NOTHING_LEARNED);
        assert_eq!(target, Target::Anywhere);
        let candidates = [
            candidate(Some(WorkerId::random()), Health::Up, 3),
            candidate(Some(WorkerId::random()), Health::Up, 1),
            candidate(Some(WorkerId::random()), Health::Draining, 0),
            candidate(Some(WorkerId::random()), Health::Down, 0),
            candidate(None, Health::Unknown, 0),
        ];
        assert_eq!(choose(target, &candidates, None), Ok(1));
        assert_eq!(choose(target, &candidates, Some(1)), Ok(0));
        assert_eq!(choose(target, &candidates[2..], None), Err(RouteError::AllDraining));
        assert_eq!(choose(target, &candidates[3..], None), Err(RouteError::NoWorker));
    }

    #[test]
    fn handles_and_sessions_pin() {
        let (home, keeper) = (WorkerId::random(), WorkerId::random());
        let caller = session(3, Some(home));
        assert_eq!(target(Purpose::Run, &[], &caller, NOTHING_LEARNED), Target::Pinned(home, Held::Session));
        let stored = StoredTicket { worker_id: keeper.to_vec(), ..StoredTicket::default() };
        let stored = [handle(&caller, Work::Stored(stored))];
        assert_eq!(target(Purpose::Fetch, &stored, &caller, NOTHING_LEARNED), Target::Pinned(keeper, Held::Result));
        let prepared = PreparedHandle { worker_id: keeper.to_vec(), ..PreparedHandle::default() };
        let prepared = [handle(&caller, Work::Prepared(prepared))];
        assert_eq!(target(Purpose::Run, &prepared, &caller, NOTHING_LEARNED), Target::Pinned(keeper, Held::Parameters));
        assert_eq!(target(Purpose::Release, &prepared, &caller, NOTHING_LEARNED), Target::Preferred(keeper));
    }

    #[test]
    fn the_session_of_a_handle_counts_for_clients_that_keep_no_token() {
        let home = WorkerId::random();
        let handles = [handle(&session(2, Some(home)), Work::Transaction(vec![1]))];
        assert_eq!(
            target(Purpose::Run, &handles, &session(0, None), NOTHING_LEARNED),
            Target::Pinned(home, Held::Session)
        );
    }

    #[test]
    fn the_newest_word_on_a_session_counts() {
        let (old, new) = (WorkerId::random(), WorkerId::random());
        let first = session(1, Some(old));
        let handles = [handle(&first, Work::Transaction(vec![1]))];
        let check = |caller: &SessionState, learned: Option<Home>, expected: Target| {
            assert_eq!(target(Purpose::Run, &handles, caller, |_| learned), expected);
        };
        check(&later(&first, 2, Some(new)), None, Target::Pinned(new, Held::Session));
        check(&later(&first, 2, None), None, Target::Anywhere);
        check(&later(&first, 0, None), None, Target::Pinned(old, Held::Session));
        check(&first, Some(Home { version: 5, worker: Some(new) }), Target::Pinned(new, Held::Session));
        check(&first, Some(Home { version: 5, worker: None }), Target::Anywhere);
        check(&first, Some(Home { version: 0, worker: None }), Target::Pinned(old, Held::Session));
    }

    #[test]
    fn a_pinned_call_never_goes_elsewhere() {
        let (home, other) = (WorkerId::random(), WorkerId::random());
        let others = [candidate(Some(other), Health::Up, 0)];
        let gone = |held| choose(Target::Pinned(home, held), &others, None).unwrap_err();
        assert_eq!(gone(Held::Session).kind(), FailureKind::SessionGone);
        assert_eq!(gone(Held::Parameters).kind(), FailureKind::State);
        assert_eq!(gone(Held::Result).kind(), FailureKind::ResultLost);
        assert_eq!(choose(Target::Preferred(home), &others, None), Ok(0));
        for (health, expected) in [
            (Health::Up, Ok(1)),
            (Health::Draining, Ok(1)),
            (Health::Down, Err(RouteError::Unreachable)),
            (Health::Unknown, Err(RouteError::Unreachable)),
        ] {
            let candidates = [others[0], candidate(Some(home), health, 9)];
            assert_eq!(choose(Target::Pinned(home, Held::Session), &candidates, None), expected);
        }
        let unheard = [others[0], candidate(None, Health::Unknown, 0)];
        assert_eq!(choose(Target::Pinned(home, Held::Session), &unheard, None), Err(RouteError::Unreachable));
    }
}
