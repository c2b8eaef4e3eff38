//! Thousands of statements through a schedule in simulated time, with everything that can happen to them.
//!
//! A [`World`] plays statements, workers, refusals and clients that leave against a [`Schedule`], keeps its own books, and audits after
//! every event. All chance comes from one seed, which is printed; `TAVANA_SIMULATION_SEED` sets it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tavana_wire::{QueryId, SessionId, WorkerId};

use super::QueueConfig;
use super::entry::{Entry, Grant, Kind, Where};
use super::room::{Opening, Room};
use super::schedule::{Rules, Schedule};

pub(super) const GIB: u64 = 1 << 30;

/// A statement of the simulation.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) at_ms: u64,
    pub(super) need_bytes: u64,
    pub(super) run_ms: u64,
    pub(super) principal: u8,
    pub(super) session: Option<u8>,
    pub(super) place: Where,
    /// After this time its client leaves, wherever it is then.
    pub(super) patience_ms: Option<u64>,
}

/// What happens to a worker.
#[derive(Clone, Copy, Debug)]
pub(super) enum Change {
    Told(WorkerId, Room),
    Gone(WorkerId),
}

/// How a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Finished,
    Left,
    WorkerGone,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Arrives(usize),
    Ends(u64, u32),
    Leaves(u64),
    Changes(usize),
    Tells(WorkerId),
    Ticks,
}

/// The simulation's own books.
pub(super) struct World {
    pub(super) schedule: Schedule,
    pub(super) now: Duration,
    jobs: Vec<Job>,
    changes: Vec<Change>,
    events: BinaryHeap<Reverse<(Duration, u64, Event)>>,
    next_event: u64,
    /// By sequence number.
    job_of: HashMap<u64, usize>,
    held: HashMap<u64, (Grant, u32)>,
    rooms: BTreeMap<WorkerId, Room>,
    runs: u32,
    random: fastrand::Rng,
    /// How often of a hundred a worker refuses.
    refusals: u8,
    strict: bool,
    /// How each job started last, and when; how it ended.
    pub(super) starts: Vec<Option<(Duration, Grant)>>,
    pub(super) ends: Vec<Option<End>>,
    pub(super) order: Vec<(usize, Grant)>,
}

pub(super) fn worker(number: u8) -> WorkerId {
    WorkerId::from_bytes(&[number; 16]).unwrap()
}

pub(super) fn room(memory_bytes: u64, slots: u32) -> Room {
    Room { memory_bytes, slots, others_bytes: 0, others: 0, opening: Opening::Open }
}

pub(super) fn rules(config: impl FnOnce(&mut QueueConfig)) -> Rules {
    let mut settings = QueueConfig::default();
    config(&mut settings);
    settings.rules()
}

pub(super) fn entry(number: u64, job: &Job) -> Entry {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&number.to_le_bytes());
    Entry {
        query: QueryId::from_bytes(&id).unwrap(),
        principal: Arc::from(format!("user {}", job.principal)),
        caps: None,
        session: job.session.and_then(|session| SessionId::from_bytes(&[session; 16])),
        need_bytes: job.need_bytes,
        place: job.place,
        files: Some(number % 7),
        expected_run: number.is_multiple_of(2).then(|| Duration::from_millis(job.run_ms)),
    }
}

impl World {
    pub(super) fn new(rules: Rules, jobs: Vec<Job>, changes: Vec<(u64, Change)>, seed: u64) -> Self {
        let mut world = Self {
            schedule: Schedule::new(rules),
            now: Duration::ZERO,
            events: BinaryHeap::new(),
            next_event: 0,
            job_of: HashMap::new(),
            held: HashMap::new(),
            rooms: BTreeMap::new(),
            runs: 0,
            random: fastrand::Rng::with_seed(seed),
            refusals: 0,
            strict: true,
            starts: vec![None; jobs.len()],
            ends: vec![None; jobs.len()],
            order: Vec::new(),
            changes: changes.iter().map(|(_, change)| *change).collect(),
            jobs,
        };
        for (at, (at_ms, _)) in changes.iter().enumerate() {
            world.at(*at_ms, Event::Changes(at));
        }
        for at in 0..world.jobs.len() {
            world.at(world.jobs[at].at_ms, Event::Arrives(at));
        }
        world.at(0, Event::Ticks);
        world
    }

    /// With other gateways on the same workers: they take room, and make workers refuse.
    pub(super) fn with_others(mut self, refusals: u8) -> Self {
        (self.refusals, self.strict) = (refusals, false);
        self
    }

    /// Plays all events; everything must have ended then.
    pub(super) fn run(mut self) -> Self {
        while let Some(Reverse((at, _, event))) = self.events.pop() {
            assert!(at < Duration::from_secs(1_000_000), "stuck with {} waiting", self.schedule.waiting());
            self.now = at;
            self.play(event);
            self.settle(event == Event::Ticks);
            self.schedule.audit(self.strict);
        }
        assert!(self.schedule.is_empty() && self.held.is_empty(), "everything comes to its end");
        assert!(self.ends.iter().all(Option::is_some), "nothing is lost");
        self
    }

    fn at(&mut self, ms: u64, event: Event) {
        self.next_event += 1;
        self.events.push(Reverse((Duration::from_millis(ms), self.next_event, event)));
    }

    fn after(&mut self, ms: u64, event: Event) {
        let now = u64::try_from(self.now.as_millis()).unwrap();
        self.at(now + ms, event);
    }

    fn play(&mut self, event: Event) {
        match event {
            Event::Arrives(job) => {
                let seq = self.schedule.enter(entry(job as u64, &self.jobs[job]), self.now);
                assert_eq!(self.job_of.insert(seq, job), None, "numbers are never used twice");
                if let Some(patience_ms) = self.jobs[job].patience_ms {
                    self.after(patience_ms, Event::Leaves(seq));
                }
            }
            Event::Ends(seq, run) => {
                if self.held.get(&seq).is_some_and(|(_, current)| *current == run) {
                    self.held.remove(&seq);
                    self.schedule.finish(seq, self.now);
                    self.end(seq, End::Finished);
                }
            }
            Event::Leaves(seq) if self.ends[self.job_of[&seq]].is_none() => {
                match self.held.remove(&seq) {
                    Some(_) => self.schedule.finish(seq, self.now),
                    None => self.schedule.leave(seq),
                }
                self.end(seq, End::Left);
            }
            Event::Leaves(_) => {}
            Event::Changes(change) => match self.changes[change] {
                Change::Told(id, room) => {
                    self.rooms.insert(id, room);
                    self.schedule.update(id, room);
                }
                Change::Gone(id) => {
                    self.rooms.remove(&id);
                    let lost = self.schedule.remove(id);
                    lost.into_iter().for_each(|seq| self.end(seq, End::WorkerGone));
                }
            },
            Event::Tells(id) => {
                if let Some(room) = self.rooms.get(&id) {
                    self.schedule.update(id, *room);
                }
            }
            Event::Ticks => {
                let lost = self.schedule.lost(self.now);
                lost.into_iter().for_each(|seq| self.end(seq, End::WorkerGone));
            }
        }
    }

    fn settle(&mut self, ticks: bool) {
        while ticks && let Some(grant) = self.schedule.next_rider(self.now) {
            self.start(grant);
        }
        while let Some(grant) = self.schedule.next(self.now) {
            self.start(grant);
        }
        if ticks && (!self.events.is_empty() || self.schedule.waiting() > 0) {
            self.after(100, Event::Ticks);
        }
    }

    fn start(&mut self, grant: Grant) {
        let job = self.job_of[&grant.seq];
        assert!(self.ends[job].is_none(), "nothing runs that has ended");
        assert!(!self.held.contains_key(&grant.seq), "nothing runs twice");
        let rides = grant.kind == Kind::Rider;
        if !rides {
            let room = self.rooms[&grant.worker];
            let held = self.held.values().filter(|(held, _)| held.worker == grant.worker && held.kind != Kind::Rider);
            let (slots, bytes) =
                held.fold((1, grant.bytes), |(slots, bytes), (held, _)| (slots + 1, bytes + held.bytes));
            assert!(bytes + room.others_bytes <= room.memory_bytes, "never more memory than there is");
            assert!(slots + room.others <= room.slots, "never more statements than there are slots");
            assert!(room.opening != Opening::Closed);
            assert_eq!(grant.clamped, grant.bytes < self.jobs[job].need_bytes);
        }
        match self.jobs[job].place {
            Where::Only(id) => assert_eq!(grant.worker, id),
            Where::Anywhere | Where::Preferred(_) => {}
        }
        if !rides && self.random.u8(..100) < self.refusals {
            self.schedule.refused(grant.seq);
            self.after(50, Event::Tells(grant.worker));
            return;
        }
        self.runs += 1;
        self.held.insert(grant.seq, (grant, self.runs));
        self.starts[job] = Some((self.now, grant));
        self.order.push((job, grant));
        self.after(self.jobs[job].run_ms, Event::Ends(grant.seq, self.runs));
    }

    fn end(&mut self, seq: u64, end: End) {
        assert_eq!(self.ends[self.job_of[&seq]].replace(end), None, "everything ends once");
    }
}

/// Needs and run times with heavy tails, from a few users; some sessions are bound to a worker, some clients leave.
fn heavy_tailed(random: &mut fastrand::Rng, count: usize, most_gib: f64, pause_ms: u64) -> Vec<Job> {
    let mut at_ms = 0;
    let pareto =
        |random: &mut fastrand::Rng, least: f64, most: f64| (least / (1.0 - random.f64()).powf(1.0 / 1.1)).min(most);
    let job = |_| {
        at_ms += random.u64(..pause_ms);
        let session = (random.u8(..10) == 0).then(|| random.u8(..40));
        let place = match random.u8(..20) {
            0 => Where::Only(worker(random.u8(1..5))),
            1 | 2 => Where::Preferred(worker(random.u8(1..5))),
            _ => Where::Anywhere,
        };
        Job {
            at_ms,
            need_bytes: (pareto(random, 0.1, most_gib) * GIB as f64) as u64,
            run_ms: pareto(random, 100.0, 60_000.0) as u64,
            principal: random.u8(..6),
            session,
            place,
            patience_ms: (random.u8(..20) == 0).then(|| random.u64(..20_000)),
        }
    };
    (0..count).map(job).collect()
}

/// Four workers, of which some shrink, drain, are taken by others, vanish and come back.
fn restless(random: &mut fastrand::Rng, until_ms: u64) -> Vec<(u64, Change)> {
    let sizes = [8, 8, 16, 32].map(|gib| gib * GIB);
    let first = (1..5).map(|id| (0, Change::Told(worker(id), room(sizes[usize::from(id) - 1], 16))));
    let mut changes: Vec<_> = first.collect();
    let mut at_ms = 0;
    while at_ms < until_ms {
        at_ms += random.u64(..3000);
        let id = random.u8(1..5);
        let whole = room(sizes[usize::from(id) - 1], 16);
        let others_bytes = random.u64(..whole.memory_bytes / 2);
        let change = match random.u8(..10) {
            0 => Change::Gone(worker(id)),
            1 => Change::Told(worker(id), Room { opening: Opening::Draining, ..whole }),
            2 => Change::Told(worker(id), Room { memory_bytes: whole.memory_bytes / 2, ..whole }),
            3..6 => Change::Told(worker(id), Room { others_bytes, others: 3, ..whole }),
            _ => Change::Told(worker(id), whole),
        };
        changes.push((at_ms, change));
    }
    changes.extend((1..5).map(|id| (until_ms + 3000, Change::Told(worker(id), room(sizes[usize::from(id) - 1], 16)))));
    changes
}

struct Report {
    mean_wait_s: f64,
    p99_wait_s: f64,
    backfilled: f64,
    makespan_s: f64,
}

fn report(world: &World) -> Report {
    let mut waits: Vec<f64> = world.starts.iter().flatten().map(|(_, grant)| grant.waited.as_secs_f64()).collect();
    waits.sort_by(f64::total_cmp);
    let count = waits.len() as f64;
    let backfills = world.starts.iter().flatten().filter(|(_, grant)| grant.kind == Kind::Backfill).count();
    Report {
        mean_wait_s: waits.iter().sum::<f64>() / count,
        p99_wait_s: waits[waits.len() * 99 / 100],
        backfilled: backfills as f64 / count,
        makespan_s: world.now.as_secs_f64(),
    }
}

#[test]
#[allow(clippy::print_stderr)]
fn thousands_of_statements_on_restless_workers() {
    let seed = std::env::var("TAVANA_SIMULATION_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    eprintln!("TAVANA_SIMULATION_SEED={seed}");
    let random = &mut fastrand::Rng::with_seed(seed);
    let jobs = heavy_tailed(random, 3000, 40.0, 40);
    let changes = restless(random, jobs.last().unwrap().at_ms);
    let play = |jobs: &[Job], changes: &[(u64, Change)], max_backfill_passes, refusals: Option<u8>| {
        let rules = rules(|config| {
            config.max_backfill_passes = max_backfill_passes;
            config.max_running_per_principal = 24;
            config.max_memory_bytes_per_principal = 60 * GIB;
        });
        let world = World::new(rules, jobs.to_vec(), changes.to_vec(), seed);
        match refusals {
            Some(refusals) => world.with_others(refusals).run(),
            None => world.run(),
        }
    };
    let mut told = vec![("restless", play(&jobs, &changes, 1000, Some(5)))];
    // Alike workers that are short of memory: what can be gained by backfill is gained here.
    let calm: Vec<_> = (1..4).map(|id| (0, Change::Told(worker(id), room(12 * GIB, 16)))).collect();
    let (mut backfill, mut fifo) = (0.0, 0.0);
    for _ in 0..4 {
        let jobs = heavy_tailed(random, 1500, 12.0, 40);
        let jobs: Vec<Job> = jobs.into_iter().map(|job| Job { place: Where::Anywhere, ..job }).collect();
        told.push(("calm, backfill", play(&jobs, &calm, 1000, None)));
        backfill += report(&told[told.len() - 1].1).mean_wait_s;
        told.push(("calm, plain FIFO", play(&jobs, &calm, 0, None)));
        fifo += report(&told[told.len() - 1].1).mean_wait_s;
    }
    for (name, world) in &told {
        let Report { mean_wait_s, p99_wait_s, backfilled, makespan_s } = report(world);
        let backfilled = backfilled * 100.0;
        eprintln!(
            "{name}: mean wait {mean_wait_s:.1} s, p99 {p99_wait_s:.1} s, backfilled {backfilled:.1} %, all in {makespan_s:.0} s"
        );
    }
    // A single load may do as well without; several together do not.
    assert!(backfill <= fifo, "backfill is there to shorten waits: {backfill} against {fifo}");
}

#[test]
#[ignore = "a measurement: cargo test -p tavana-gateway -- --ignored --nocapture hundred_thousand"]
#[allow(clippy::print_stderr)]
fn hundred_thousand_wait() {
    const COUNT: u64 = 100_000;
    let resident = || {
        let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
        statm.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * 4096
    };
    let random = &mut fastrand::Rng::with_seed(1);
    let mut schedule = Schedule::new(rules(|config| config.presize_wait_seconds = 1_000_000));
    for id in 1..11 {
        schedule.update(worker(id), room(16 * GIB, 64));
    }
    let jobs = heavy_tailed(random, COUNT as usize, 40.0, 140);
    let before = resident();
    let mut held = Vec::new();
    let mut waiting = Vec::new();
    let timed = |name: &str, count: u64, begun: std::time::Instant| {
        eprintln!("{name}: {:.2} µs each", begun.elapsed().as_secs_f64() * 1e6 / count as f64);
    };
    let begun = std::time::Instant::now();
    for (number, job) in jobs.iter().enumerate() {
        let now = Duration::from_millis(number as u64);
        waiting.push(schedule.enter(entry(number as u64, &Job { place: Where::Anywhere, ..job.clone() }), now));
        held.extend(std::iter::from_fn(|| schedule.next(now)).map(|grant| grant.seq));
    }
    timed("entering, with a decision", COUNT, begun);
    let used = resident().saturating_sub(before);
    eprintln!("{} wait, {} run; {} bytes an entry", schedule.waiting(), held.len(), used / COUNT);

    let begun = std::time::Instant::now();
    let mut decisions = 0;
    for round in 0..20_000u64 {
        let now = Duration::from_secs(200) + Duration::from_millis(round);
        schedule.finish(held.swap_remove(random.usize(..held.len())), now);
        decisions += 1;
        while let Some(grant) = schedule.next(now) {
            held.push(grant.seq);
            decisions += 1;
        }
    }
    timed("a permit comes back and the next start: a decision", decisions, begun);

    let begun = std::time::Instant::now();
    let known = (0..COUNT).filter(|number| schedule.standing(entry(*number, &jobs[0]).query, Duration::ZERO).is_some());
    let known = known.count();
    timed("standing", COUNT, begun);
    assert_eq!(known, schedule.waiting());
}
