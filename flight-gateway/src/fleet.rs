//! The workers of a gateway: how they are, and how many calls each has running.
//!
//! Every worker is asked for its status once an interval, by the action
//! [`tavana_wire::action::WORKER_STATUS`]. A connection that fails takes a worker out at once, a slow
//! answer only when it happens several times in a row: a busy worker is not a dead one. The next good answer
//! brings it back. A call takes a [`Place`] on a worker and holds it until the last byte.

mod capacity;
mod endpoint;
mod health;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::HeaderMap;
use tavana_wire::action::WorkerStatus;
use tavana_wire::capacity::Capacity;
use tavana_wire::status::WorkerRow;
use tavana_wire::{GatewayId, WorkerId, headers};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::metrics::Metrics;
use crate::queue::{Admission, Opening, Permit, Room};
use crate::relay::root_cause;
use crate::route::{self, Candidate, Health, RouteError, Target};
pub use endpoint::WorkerEndpoint;
use health::{CheckError, Condition};
use tavana_daemon::peer::{CallError, PeerService};
use tavana_daemon::service_token::ServiceToken;

/// All workers that a gateway was given.
pub(crate) struct Fleet {
    workers: Vec<Arc<Worker>>,
    metrics: Arc<Metrics>,
    /// Told whenever a worker's condition changed.
    changes: watch::Sender<()>,
    /// Tells whoever shows the gateway's readiness whether a worker is up.
    on_change: Box<dyn Fn(Result<(), String>) + Send + Sync>,
}

struct Worker {
    endpoint: WorkerEndpoint,
    condition: watch::Sender<Condition>,
    /// What it told last that it has room for.
    capacity: watch::Sender<Option<Capacity>>,
    /// Running calls by lane of the endpoint.
    running: Vec<AtomicUsize>,
}

/// A running call's place on a worker; dropping it frees the place.
pub(crate) struct Place {
    /// The worker's index in the fleet.
    pub(crate) at: usize,
    worker: Arc<Worker>,
    lane: usize,
    permit: Option<Permit>,
}

/// How often and how patiently workers are asked for their status.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Between two questions.
    pub(crate) interval: Duration,
    /// Until an answer counts as late.
    pub(crate) deadline: Duration,
}

impl Fleet {
    pub(crate) fn new(
        endpoints: Vec<WorkerEndpoint>,
        metrics: Arc<Metrics>,
        on_change: impl Fn(Result<(), String>) + Send + Sync + 'static,
    ) -> Arc<Self> {
        let workers = endpoints.into_iter().map(|endpoint| Arc::new(Worker::new(endpoint))).collect();
        let fleet =
            Arc::new(Self { workers, metrics, changes: watch::Sender::new(()), on_change: Box::new(on_change) });
        fleet.tell();
        fleet
    }

    /// Starts asking every worker for its status, until the returned set is dropped.
    pub(crate) fn watch(self: &Arc<Self>, pace: Pace, token: &Arc<ServiceToken>) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        for worker in &self.workers {
            let (fleet, worker, token) = (self.clone(), worker.clone(), token.clone());
            tasks.spawn(async move {
                loop {
                    let outcome = health::check(worker.endpoint.control(), &token, pace.deadline).await;
                    fleet.apply(&worker, outcome);
                    tokio::time::sleep(pace.interval).await;
                }
            });
        }
        tasks
    }

    /// Starts watching what every worker has room for, until the returned set is dropped.
    pub(crate) fn watch_capacity(
        self: &Arc<Self>,
        admission: &Admission,
        gateway: GatewayId,
        token: &Arc<ServiceToken>,
    ) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        for worker in &self.workers {
            let (worker, admission, token) = (worker.clone(), admission.clone(), token.clone());
            tasks.spawn(async move {
                loop {
                    worker.watch_capacity(&admission, gateway, &token).await;
                    tokio::time::sleep(capacity::AGAIN).await;
                }
            });
        }
        tasks
    }

    /// Waits until every worker has answered its first question, or failed to.
    pub(crate) async fn checked(&self) {
        for worker in &self.workers {
            let mut condition = worker.condition.subscribe();
            // The sender lives as long as the fleet, so waiting ends only with an answer.
            let _ = condition.wait_for(|condition| condition.health != Health::Unknown).await;
        }
    }

    /// Takes a place where `target` says, on another worker than the one at `avoid`.
    ///
    /// # Errors
    /// [`RouteError`] when no worker can take the call.
    pub(crate) fn place(&self, target: Target, avoid: Option<usize>) -> Result<Place, RouteError> {
        let at = self.choose(target, avoid)?;
        let worker = self.workers.get(at).ok_or(RouteError::NoWorker)?;
        Ok(worker.take(at))
    }

    /// Resolves when no worker could take a call to `target` for as long as `patience`, with why.
    pub(crate) async fn deserted(&self, target: Target, patience: Duration) -> RouteError {
        let mut changes = self.changes.subscribe();
        loop {
            changes.mark_unchanged();
            let Err(reason) = self.choose(target, None) else {
                // The sender lives as long as the fleet.
                let _ = changes.changed().await;
                continue;
            };
            let comes_back = changes.wait_for(|()| self.choose(target, None).is_ok());
            if tokio::time::timeout(patience, comes_back).await.is_err() {
                return reason;
            }
        }
    }

    fn choose(&self, target: Target, avoid: Option<usize>) -> Result<usize, RouteError> {
        let candidates: Vec<Candidate> = self.workers.iter().map(|worker| worker.candidate()).collect();
        route::choose(target, &candidates, avoid)
    }

    /// Takes the place that a permit is for.
    ///
    /// # Errors
    /// The permit, when its worker is gone.
    pub(crate) fn place_on(&self, permit: Permit) -> Result<Place, Permit> {
        let id = Some(permit.grant().worker);
        let found = self.workers.iter().enumerate().find(|(_, worker)| worker.condition.borrow().id == id);
        match found {
            Some((at, worker)) => {
                let mut place = worker.take(at);
                place.permit = Some(permit);
                Ok(place)
            }
            None => Err(permit),
        }
    }

    /// The workers as the table of them shows them; `addresses` for those who may know where they are.
    pub(crate) fn rows(&self, addresses: bool) -> Vec<WorkerRow> {
        let row = |worker: &Arc<Worker>| {
            let Candidate { id, health, running } = worker.candidate();
            let name = if addresses {
                worker.endpoint.name().to_owned()
            } else {
                id.map(|id| id.to_string()).unwrap_or_default()
            };
            WorkerRow {
                name,
                worker_id: id.map(|id| id.to_vec()).unwrap_or_default(),
                state: health.name().to_owned(),
                capacity: *worker.capacity.borrow(),
                calls: u64::try_from(running).unwrap_or(u64::MAX),
            }
        };
        self.workers.iter().map(row).collect()
    }

    /// A place on every worker that answers, for questions to all of them.
    pub(crate) fn everywhere(&self) -> Vec<Place> {
        let answers = |worker: &Worker| matches!(worker.condition.borrow().health, Health::Up | Health::Draining);
        let workers = self.workers.iter().enumerate();
        workers.filter(|(_, worker)| answers(worker)).map(|(at, worker)| worker.take(at)).collect()
    }

    /// Takes a worker out because a call could not connect to it.
    pub(crate) fn unreachable(&self, place: &Place, error: &CallError) {
        self.apply(&place.worker, Err(CheckError::Failed(root_cause(error).to_string())));
    }

    /// Learns which worker it was that replied: one that was restarted is known before a client can name it.
    pub(crate) fn learn_id(&self, at: usize, reply: &mut HeaderMap) {
        let Some(text) = reply.remove(headers::WORKER) else { return };
        let id = text.to_str().ok().and_then(|text| text.parse::<WorkerId>().ok());
        if let (Some(worker), Some(id)) = (self.workers.get(at), id) {
            worker.condition.send_if_modified(|condition| condition.id.replace(id) != Some(id));
        }
    }

    fn apply(&self, worker: &Worker, outcome: Result<WorkerStatus, CheckError>) {
        let before = *worker.condition.borrow();
        let reason = outcome.as_ref().err().map(ToString::to_string).unwrap_or_default();
        worker.condition.send_modify(|condition| *condition = condition.after(&outcome));
        let after = *worker.condition.borrow();
        if before.health != after.health || before.id != after.id {
            let name = worker.endpoint.name();
            match after.health {
                Health::Down => tracing::warn!(worker = name, reason, "worker is down"),
                Health::Draining => tracing::info!(worker = name, "worker is draining"),
                Health::Up => tracing::info!(worker = name, id = ?after.id, "worker is up"),
                Health::Unknown => {}
            }
        }
        self.tell();
    }

    fn tell(&self) {
        self.changes.send_replace(());
        let count = |healths: &[Health]| {
            self.workers.iter().filter(|worker| healths.contains(&worker.condition.borrow().health)).count()
        };
        let up = count(&[Health::Up]);
        self.metrics.workers("up", up);
        self.metrics.workers("draining", count(&[Health::Draining]));
        self.metrics.workers("down", count(&[Health::Down, Health::Unknown]));
        let all = self.workers.len();
        (self.on_change)(if up > 0 { Ok(()) } else { Err(format!("none of {all} workers is up")) });
    }
}

impl Worker {
    fn new(endpoint: WorkerEndpoint) -> Self {
        let running = (0..endpoint.lanes()).map(|_| AtomicUsize::new(0)).collect();
        let (condition, capacity) = (watch::Sender::new(Condition::default()), watch::Sender::new(None));
        Self { endpoint, condition, capacity, running }
    }

    fn candidate(&self) -> Candidate {
        let condition = self.condition.borrow();
        let running = self.running.iter().map(|lane| lane.load(Ordering::Relaxed)).sum();
        Candidate { id: condition.id, health: condition.health, running }
    }

    /// Tells admission what the worker has room for, until that cannot be known any more.
    async fn watch_capacity(&self, admission: &Admission, gateway: GatewayId, token: &ServiceToken) {
        let mut condition = self.condition.subscribe();
        let known = condition.wait_for(|condition| condition.id.is_some()).await.ok().and_then(|known| known.id);
        let Some(id) = known else { return };
        let watch = capacity::watch(self.endpoint.control(), token, gateway, |told| {
            self.capacity.send_replace(Some(told));
            admission.update(id, self.room());
        });
        let restarted = async {
            while condition.changed().await.is_ok() && condition.borrow_and_update().id == Some(id) {
                admission.update(id, self.room());
            }
        };
        let reason = tokio::select! {
            ended = watch => ended.err().map_or_else(|| "it ended".to_owned(), |failure| failure.message),
            () = restarted => "the worker was restarted".to_owned(),
        };
        tracing::debug!(worker = self.endpoint.name(), reason, "the worker's capacity is not known");
        self.capacity.send_replace(None);
        match self.condition.borrow().id == Some(id) {
            true => admission.update(id, self.room()),
            false => admission.remove(id),
        }
    }

    /// What it has room for, by what it told and how it is.
    fn room(&self) -> Room {
        let closed = Room { opening: Opening::Closed, ..Room::default() };
        let told = self.capacity.borrow().as_ref().map_or(closed, capacity::room);
        match self.condition.borrow().health {
            Health::Up => told,
            Health::Draining => Room { opening: told.opening.max(Opening::Draining), ..told },
            Health::Down | Health::Unknown => closed,
        }
    }

    /// A place on the lane with the fewest calls. Two calls that choose at once may choose the same: the
    /// counts even out lanes, they guard nothing.
    fn take(self: &Arc<Self>, at: usize) -> Place {
        let lanes = self.running.iter().enumerate();
        let lane = lanes.min_by_key(|(_, running)| running.load(Ordering::Relaxed)).map_or(0, |(lane, _)| lane);
        if let Some(running) = self.running.get(lane) {
            running.fetch_add(1, Ordering::Relaxed);
        }
        Place { at, worker: self.clone(), lane, permit: None }
    }
}

impl Place {
    /// The permit that it was taken with.
    pub(crate) fn permit(&mut self) -> Option<Permit> {
        self.permit.take()
    }

    /// The way to the worker.
    pub(crate) fn service(&self) -> PeerService {
        self.worker.endpoint.lane(self.lane)
    }

    /// The worker's name in logs.
    pub(crate) fn worker(&self) -> &str {
        self.worker.endpoint.name()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(running) = self.worker.running.get(self.lane) {
            running.fetch_sub(1, Ordering::Relaxed);
        }
    }
}
