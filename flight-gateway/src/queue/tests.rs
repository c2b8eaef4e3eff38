//! The shell around the schedule, in paused time.

use super::*;

const GIB: u64 = 1 << 30;

struct Queue {
    admission: Admission,
    registry: Registry,
    worker: WorkerId,
}

fn queue(slots: u32, config: impl FnOnce(&mut QueueConfig)) -> Queue {
    // As with a scaler.
    let mut settings = QueueConfig { saturation_after_seconds: 30, ..QueueConfig::default() };
    config(&mut settings);
    let registry = Registry::new();
    let admission = Admission::new(&settings, &registry).unwrap();
    let worker = WorkerId::random();
    admission.update(worker, room(slots));
    Queue { admission, registry, worker }
}

/// As many gibibytes as slots.
fn room(slots: u32) -> Room {
    Room { memory_bytes: u64::from(slots) * GIB, slots, others_bytes: 0, others: 0, opening: Opening::Open }
}

fn entry() -> Entry {
    Entry {
        query: QueryId::random(),
        principal: "ada".into(),
        caps: None,
        session: None,
        need_bytes: GIB,
        place: Where::Anywhere,
        files: None,
        expected_run: None,
    }
}

impl Queue {
    async fn admit(&self, entry: Entry) -> Result<Permit, QueueError> {
        let accepted = self.admission.accept(&entry.principal, entry.session, 100).await;
        self.admission.admit(accepted, entry).await
    }

    fn waiting(&self) -> u32 {
        self.admission.snapshot().waiting.count
    }

    fn metric(&self, name: &str) -> f64 {
        let families = self.registry.gather();
        let family = families.iter().find(|family| family.name() == name).unwrap();
        family.get_metric().iter().map(|metric| metric.get_gauge().get_value() + metric.get_counter().get_value()).sum()
    }

    /// Nothing is left of anything.
    fn check_empty(&self) {
        let state = self.admission.shared.lock();
        assert!(state.schedule.is_empty() && state.waiters.is_empty() && state.sql_bytes == 0);
        drop(state);
        assert!(self.admission.shared.acceptance.is_unused());
        for gauge in ["queue_waiting", "queue_waiting_bytes", "permits", "permit_bytes"] {
            assert_eq!(self.metric(&format!("tavana_gateway_{gauge}")), 0.0, "{gauge}");
        }
    }
}

/// Whether a future is ready when it is polled for the first time.
fn at_once<T>(future: impl Future<Output = T>) -> Option<T> {
    futures::FutureExt::now_or_never(future)
}

#[tokio::test(start_paused = true)]
async fn with_room_there_is_no_wait() {
    let queue = queue(1, |_| {});
    let permit = at_once(queue.admit(entry())).unwrap().unwrap();
    let Grant { worker, bytes, kind, clamped, .. } = *permit.grant();
    assert_eq!((worker, bytes, kind, clamped), (queue.worker, GIB, Kind::Direct, false));
    assert_eq!(queue.metric("tavana_gateway_permit_bytes"), GIB as f64);
    assert!(at_once(queue.admit(entry())).is_none());
    drop(permit);
    queue.check_empty();
}

#[tokio::test(start_paused = true)]
async fn a_permit_that_is_dropped_wakes_the_next() {
    let queue = queue(1, |_| {});
    let permit = queue.admit(entry()).await.unwrap();
    let second = entry();
    let id = second.query;
    let mut second = Box::pin(queue.admit(second));
    assert!(at_once(&mut second).is_none());
    let standing = queue.admission.status(id).unwrap();
    assert_eq!((standing.ahead, standing.because), (0, WaitsFor::Room { need_bytes: GIB }));
    assert_eq!(queue.admission.first_waiting(9), [id]);
    tokio::time::advance(Duration::from_secs(3)).await;
    drop(permit);
    let permit = at_once(second).unwrap().unwrap();
    assert_eq!((permit.grant().kind, permit.grant().waited), (Kind::Fifo, Duration::from_secs(3)));
    assert!(queue.admission.status(id).is_none());
    drop(permit);
    queue.check_empty();
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_is_gone_at_once() {
    let queue = queue(1, |_| {});
    let permit = queue.admit(entry()).await.unwrap();
    let (mut first, mut second) = (Box::pin(queue.admit(entry())), Box::pin(queue.admit(entry())));
    assert!(at_once(&mut first).is_none() && at_once(&mut second).is_none());
    assert_eq!(queue.waiting(), 2);
    drop(first);
    assert_eq!(queue.waiting(), 1);
    // Its permit is on its way, and nobody takes it any more.
    drop(permit);
    assert_eq!(queue.waiting(), 0);
    drop(second);
    queue.check_empty();
}

#[tokio::test(start_paused = true)]
async fn what_a_worker_refuses_takes_its_old_place() {
    let queue = queue(1, |_| {});
    let permit = queue.admit(entry()).await.unwrap();
    let seq = permit.grant().seq;
    let mut second = Box::pin(queue.admit(entry()));
    assert!(at_once(&mut second).is_none());
    let mut again = Box::pin(permit.refused());
    assert!(at_once(&mut again).is_none() && at_once(&mut second).is_none(), "until the worker tells what it has");
    queue.admission.update(queue.worker, room(1));
    let permit = at_once(again).unwrap().unwrap();
    assert_eq!(permit.grant().seq, seq);
    assert_eq!(queue.metric("tavana_gateway_queue_refusals_total"), 1.0);
    drop(permit);
    drop(at_once(second).unwrap().unwrap());
    queue.check_empty();
}

#[tokio::test(start_paused = true)]
async fn a_lost_worker_ends_those_that_are_bound_to_it() {
    let queue = queue(1, |_| {});
    let permit = queue.admit(entry()).await.unwrap();
    let mut bound = Box::pin(queue.admit(Entry { place: Where::Only(queue.worker), ..entry() }));
    let mut free = Box::pin(queue.admit(entry()));
    assert!(at_once(&mut bound).is_none() && at_once(&mut free).is_none());
    queue.admission.remove(queue.worker);
    assert_eq!(at_once(bound).unwrap().unwrap_err(), QueueError::WorkerGone);
    assert!(at_once(&mut free).is_none());
    queue.admission.update(WorkerId::random(), room(1));
    drop((at_once(free).unwrap().unwrap(), permit));
    // One that was bound to a worker which never comes is told so as well.
    let late = queue.admit(Entry { place: Where::Only(WorkerId::random()), ..entry() });
    let error = late.await.unwrap_err();
    assert_eq!((error, error.kind()), (QueueError::WorkerGone, FailureKind::SessionGone));
    queue.check_empty();
}

#[tokio::test(start_paused = true)]
async fn too_much_at_once_is_left_pending() {
    let mut queue = queue(1, |config| config.max_queued_per_principal = 2);
    queue.admission.update(queue.worker, room(0));
    let futures: Vec<_> = (0..5).map(|_| Box::pin(queue.admit(entry()))).collect();
    let mut futures: Vec<_> = futures.into_iter().map(|mut future| (at_once(&mut future).is_none(), future)).collect();
    assert!(futures.iter().all(|(waits, _)| *waits));
    assert_eq!(queue.waiting(), 2);
    let other = Entry { principal: "bob".into(), ..entry() };
    let mut other = Box::pin(queue.admit(other));
    assert!(at_once(&mut other).is_none());
    assert_eq!(queue.waiting(), 3, "another principal is not kept out");
    drop(futures.remove(0));
    assert!(futures.iter_mut().all(|(_, future)| at_once(future).is_none()));
    assert_eq!(queue.waiting(), 3, "the next took its place");
    drop((futures, other));
    queue.check_empty();
    queue.admission.update(queue.worker, room(1));

    queue = self::queue(0, |config| config.max_queued_bytes = 1000);
    let large = |bytes| {
        let queue = &queue;
        async move {
            let accepted = queue.admission.accept(&"ada".into(), None, bytes).await;
            queue.admission.admit(accepted, entry()).await
        }
    };
    let (mut first, mut second) = (Box::pin(large(1 << 40)), Box::pin(large(1)));
    assert!(at_once(&mut first).is_none() && at_once(&mut second).is_none());
    assert_eq!(queue.waiting(), 1, "one that is larger than all that may wait waits alone");
    drop(first);
    assert!(at_once(&mut second).is_none());
    assert_eq!(queue.waiting(), 1);
    drop(second);
    queue.check_empty();
}

#[tokio::test(start_paused = true)]
async fn a_session_does_not_wait_for_itself() {
    let queue = queue(1, |config| config.max_queued_per_principal = 1);
    let own = || Entry { session: SessionId::from_bytes(&[1; 16]), ..entry() };
    let permit = queue.admit(own()).await.unwrap();
    // Somebody else fills the queue, so that the second has to be accepted beyond its bound.
    let mut full = Box::pin(queue.admit(entry()));
    assert!(at_once(&mut full).is_none());
    let before = Instant::now();
    let rider = queue.admit(own()).await.unwrap();
    assert!(before.elapsed() >= Duration::from_secs(1));
    let Grant { kind, bytes, worker, .. } = *rider.grant();
    assert_eq!((kind, bytes, worker), (Kind::Rider, 0, queue.worker));
    let mut third = Box::pin(queue.admit(own()));
    assert!(tokio::time::timeout(Duration::from_secs(60), &mut third).await.is_err(), "one rider a session");
    drop(rider);
    let third = third.await.unwrap();
    assert_eq!(third.grant().kind, Kind::Rider);
    drop(permit);
    drop(full.await.unwrap());
    drop(third);
    queue.check_empty();
}

#[tokio::test(start_paused = true)]
async fn what_is_too_big_runs_with_less_when_nobody_adds_workers() {
    let queue = queue(2, |_| {});
    let big = || Entry { need_bytes: 9 * GIB, ..entry() };
    let before = Instant::now();
    let permit = queue.admit(big()).await.unwrap();
    let waited = before.elapsed();
    assert!(waited >= Duration::from_secs(30) && waited < Duration::from_secs(31), "{waited:?}");
    let Grant { bytes, clamped, mode, .. } = *permit.grant();
    assert_eq!((bytes, clamped, mode), (2 * GIB, true, Mode::Saturation));
    assert_eq!(queue.metric("tavana_gateway_queue_clamped_total"), 1.0);
    drop(permit);
    assert!(at_once(queue.admit(big())).is_some(), "in saturation there is nothing to wait for");
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!(queue.admission.snapshot().mode, Mode::Scaling);
    // A larger worker comes in time.
    let mut third = Box::pin(queue.admit(big()));
    assert!(tokio::time::timeout(Duration::from_secs(20), &mut third).await.is_err());
    queue.admission.answered(false);
    assert!(tokio::time::timeout(Duration::from_secs(20), &mut third).await.is_err());
    assert_eq!(queue.admission.snapshot().biggest_need_bytes, 9 * GIB);
    queue.admission.update(WorkerId::random(), room(10));
    assert!(!at_once(third).unwrap().unwrap().grant().clamped);
    queue.check_empty();
}

#[tokio::test(start_paused = true)]
async fn a_storm_is_served_in_order() {
    const COUNT: u64 = 5000;
    let queue = Arc::new(queue(4, |_| {}));
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut tasks = JoinSet::new();
    for number in 0..COUNT {
        let (queue, order) = (queue.clone(), order.clone());
        tasks.spawn(async move {
            let permit = queue.admit(entry()).await.unwrap();
            order.lock().unwrap().push(permit.grant().seq);
            tokio::time::sleep(Duration::from_millis(1 + number % 3)).await;
        });
    }
    // Every hundredth leaves meanwhile.
    let mut leavers = Vec::new();
    for _ in 0..COUNT / 100 {
        leavers.push(tokio::spawn({
            let queue = queue.clone();
            async move { tokio::time::timeout(Duration::from_millis(5), queue.admit(entry())).await.is_ok() }
        }));
    }
    tasks.join_all().await;
    for leaver in leavers {
        leaver.await.unwrap();
    }
    let order = order.lock().unwrap();
    assert_eq!(order.len() as u64, COUNT);
    assert!(order.is_sorted(), "all need the same, so nobody passes anybody");
    queue.check_empty();
}

#[tokio::test(start_paused = true)]
async fn what_one_waits_for_is_told() {
    let queue = queue(2, |config| config.max_running_per_principal = 1);
    let eve = |need_bytes| Entry { principal: "eve".into(), need_bytes, ..entry() };
    let permit = queue.admit(Entry { need_bytes: 2 * GIB, ..entry() }).await.unwrap();
    let entries = [
        (eve(9 * GIB), WaitsFor::LargerWorker { need_bytes: 9 * GIB, largest_bytes: 2 * GIB }),
        (entry(), WaitsFor::OwnStatements { most: 1 }),
        (Entry { principal: "joe".into(), ..entry() }, WaitsFor::Others { ahead: 2 }),
        (
            Entry { principal: "kim".into(), place: Where::Only(queue.worker), ..entry() },
            WaitsFor::OwnWorker { need_bytes: GIB },
        ),
    ];
    let ids: Vec<_> = entries.iter().map(|(entry, because)| (entry.query, *because)).collect();
    let mut waiting: Vec<_> = entries.into_iter().map(|(entry, _)| Box::pin(queue.admit(entry))).collect();
    assert!(waiting.iter_mut().all(|future| at_once(future).is_none()));
    for (id, because) in ids {
        let standing = queue.admission.status(id).unwrap();
        assert_eq!(standing.because, because, "{because}");
    }
    drop((permit, waiting));
    queue.check_empty();
}

#[tokio::test(start_paused = true)]
async fn the_whole_is_told() {
    let queue = queue(2, |_| {});
    let run = |seconds| Entry { expected_run: Some(Duration::from_secs(seconds)), need_bytes: 2 * GIB, ..entry() };
    let permit = queue.admit(run(10)).await.unwrap();
    let (second, third) = (run(20), run(5));
    let ids = [second.query, third.query];
    let mut waiting = [Box::pin(queue.admit(second)), Box::pin(queue.admit(third))];
    assert!(waiting.iter_mut().all(|future| at_once(future).is_none()));
    tokio::time::advance(Duration::from_secs(4)).await;
    let waits = ids.map(|id| {
        let Standing { ahead, waited, expected_wait, .. } = queue.admission.status(id).unwrap();
        (ahead, waited.as_secs(), expected_wait.unwrap().as_secs())
    });
    assert_eq!(waits, [(0, 4, 6), (1, 4, 26)], "what runs takes 6 s more, the one ahead 20");
    let snapshot = queue.admission.snapshot();
    assert_eq!((snapshot.waiting.count, snapshot.waiting.bytes), (2, 4 * GIB));
    assert_eq!(snapshot.oldest_wait, Duration::from_secs(4));
    let [ada] = &snapshot.principals[..] else { panic!("{snapshot:?}") };
    assert_eq!((&*ada.principal, ada.running.count, ada.waiting.count), ("ada", 1, 2));
    let [one] = snapshot.workers[..] else { panic!("{snapshot:?}") };
    assert_eq!((one.worker, one.room, one.permits, one.permit_bytes), (queue.worker, Some(room(2)), 1, 2 * GIB));
    drop((permit, waiting));
    queue.check_empty();
}

#[tokio::test]
#[ignore = "a measurement: cargo test -p tavana-gateway -- --ignored --nocapture an_empty_queue"]
#[allow(clippy::print_stderr)]
async fn an_empty_queue_costs_little() {
    const COUNT: u32 = 100_000;
    let queue = queue(4, |_| {});
    let begun = std::time::Instant::now();
    for _ in 0..COUNT {
        drop(queue.admit(entry()).await.unwrap());
    }
    eprintln!("a permit taken and given back: {:?}", begun.elapsed() / COUNT);
}
