//! What holds for the order of the queue, whatever comes.

use std::collections::HashMap;

use proptest::prelude::*;

use super::entry::{Kind, Where};
use super::simulation::{Change, End, Job, World, room, rules, worker};

fn jobs(count: usize, most_bytes: u64, places: &'static [u8]) -> impl Strategy<Value = Vec<Job>> {
    let place = prop::sample::select(places).prop_map(|place| match place {
        0 => Where::Anywhere,
        1..10 => Where::Only(worker(place)),
        _ => Where::Preferred(worker(place - 10)),
    });
    let patience = prop::option::weighted(0.1, 0u64..3000);
    let session = prop::option::weighted(0.3, 0u8..3);
    let job = (0u64..2000, 0..=most_bytes, 1u64..1500, 0u8..3, session, place, patience);
    let job = job.prop_map(|(at_ms, need_bytes, run_ms, principal, session, place, patience_ms)| Job {
        at_ms,
        need_bytes,
        run_ms,
        principal,
        session,
        place,
        patience_ms,
    });
    prop::collection::vec(job, 1..count)
}

fn workers(sizes: &[(u64, u32)]) -> Vec<(u64, Change)> {
    (1..).zip(sizes).map(|(id, (bytes, slots))| (0, Change::Told(worker(id), room(*bytes, *slots)))).collect()
}

fn changes() -> impl Strategy<Value = Vec<(u64, Change)>> {
    let change = (0u64..2500, 1u8..4, 0u64..24, 0u32..5, 0u64..12, 0u8..6);
    let change = change.prop_map(|(at_ms, id, memory_bytes, slots, others_bytes, what)| {
        let mut told = room(memory_bytes, slots);
        (told.others_bytes, told.others) = (others_bytes, u32::from(what == 1));
        (at_ms, if what == 0 { Change::Gone(worker(id)) } else { Change::Told(worker(id), told) })
    });
    prop::collection::vec(change, 0..20)
}

proptest! {
    /// Nothing is lost or doubled, no worker overcommitted, no blocker delayed, no cap exceeded, nobody passed too often, and in the
    /// end nothing is left: [`World`] asserts these after every event.
    #[test]
    fn the_books_are_right_on_steady_workers(
        jobs in jobs(60, 25, &[0, 0, 0, 1, 2, 3, 11, 12]),
        running in 0u32..4, bytes in prop::sample::select(&[0u64, 12]), passes in 0u32..6, seed: u64,
    ) {
        let rules = rules(|config| {
            config.max_running_per_principal = running;
            config.max_memory_bytes_per_principal = bytes;
            config.max_backfill_passes = passes;
            config.presize_wait_seconds = 1;
        });
        World::new(rules, jobs, workers(&[(8, 2), (10, 4), (20, 4)]), seed).run();
    }

    #[test]
    fn the_books_are_right_on_restless_workers(
        jobs in jobs(60, 25, &[0, 0, 0, 1, 2, 3, 11, 12]), mut changes in changes(), refusals in 0u8..40, seed: u64,
    ) {
        let rules = rules(|config| (config.max_running_per_principal, config.presize_wait_seconds) = (3, 1));
        changes.extend(workers(&[(8, 2), (10, 4), (20, 4)]));
        changes.extend(workers(&[(8, 2), (10, 4), (20, 4)]).into_iter().map(|(_, change)| (3000, change)));
        World::new(rules, jobs, changes, seed).with_others(refusals).run();
    }

    /// Those of one principal that did not pass anybody start in the order in which they came.
    #[test]
    fn the_order_is_kept(jobs in jobs(60, 10, &[0]), running in 0u32..4, seed: u64) {
        let rules = rules(|config| config.max_running_per_principal = running);
        let world = World::new(rules, jobs.clone(), workers(&[(10, 3), (10, 3)]), seed).run();
        let mut last: HashMap<u8, u64> = HashMap::new();
        for (job, grant) in &world.order {
            if matches!(grant.kind, Kind::Direct | Kind::Fifo) {
                let before = last.insert(jobs[*job].principal, grant.seq);
                prop_assert!(before.is_none_or(|before| before < grant.seq));
            }
        }
    }

    /// Without backfill there is one order, that of coming.
    #[test]
    fn without_passes_it_is_plain_fifo(jobs in jobs(40, 10, &[0]), seed: u64) {
        let rules = rules(|config| config.max_backfill_passes = 0);
        let jobs: Vec<Job> = jobs.into_iter().map(|job| Job { session: None, ..job }).collect();
        let world = World::new(rules, jobs, workers(&[(10, 3), (10, 3)]), seed).run();
        prop_assert!(world.order.is_sorted_by_key(|(_, grant)| grant.seq));
    }

    /// The head starts at the same moment whether or not others pass it.
    #[test]
    fn a_head_is_not_delayed(
        older in prop::collection::vec((1u64..=60, 1u64..1000), 1..8), need_bytes in 1u64..=100,
        behind in jobs(40, 60, &[0, 1]), slots in 2u32..10, seed: u64,
    ) {
        let job = |at_ms, need_bytes, run_ms| {
            let (principal, session, place, patience_ms) = (9, None, Where::Anywhere, None);
            Job { at_ms, need_bytes, run_ms, principal, session, place, patience_ms }
        };
        let mut jobs: Vec<Job> = older.iter().map(|(bytes, run_ms)| job(0, *bytes, *run_ms)).collect();
        // As many of the older ones as start at once, so that this one is the head.
        let (mut used, mut count) = (0, 0);
        jobs.retain(|job| {
            let fits = used + job.need_bytes <= 100 && count < slots;
            (used, count) = if fits { (used + job.need_bytes, count + 1) } else { (used, count) };
            fits
        });
        let head = jobs.len();
        jobs.push(job(1, need_bytes, 10));
        let alone = World::new(rules(|_| {}), jobs.clone(), workers(&[(100, slots)]), seed).run();
        jobs.extend(behind.into_iter().map(|job| Job { at_ms: job.at_ms + 1, session: None, ..job }));
        let crowded = World::new(rules(|_| {}), jobs, workers(&[(100, slots)]), seed).run();
        prop_assert_eq!(alone.starts[head].unwrap().0, crowded.starts[head].unwrap().0);
    }

    /// A principal at its cap is in nobody's way: the others run as if it were not there.
    #[test]
    fn the_capped_block_nobody(jobs in jobs(60, 4, &[0]), seed: u64) {
        let rules = rules(|config| config.max_running_per_principal = 2);
        let jobs: Vec<Job> = jobs.into_iter().map(|job| Job { session: None, ..job }).collect();
        // Three principals, two statements each, at most four bytes a statement: all fit always.
        let world = World::new(rules, jobs.clone(), workers(&[(24, 6)]), seed).run();
        for principal in 0..3 {
            let own: Vec<usize> = (0..jobs.len()).filter(|at| jobs[*at].principal == principal).collect();
            let alone = own.iter().map(|at| jobs[*at].clone()).collect();
            let alone = World::new(rules, alone, workers(&[(24, 6)]), seed).run();
            for (number, at) in own.iter().enumerate() {
                let moment = |world: &World, at: usize| world.starts[at].map(|(moment, _)| moment);
                prop_assert_eq!(moment(&world, *at), moment(&alone, number));
            }
        }
    }

    /// A lost worker ends only what could run nowhere else.
    #[test]
    fn only_the_bound_are_lost(jobs in jobs(40, 8, &[0, 1, 2]), at_ms in 0u64..2000, seed: u64) {
        let mut changes = workers(&[(10, 3), (10, 3)]);
        changes.push((at_ms, Change::Gone(worker(1))));
        let world = World::new(rules(|_| {}), jobs.clone(), changes, seed).run();
        for (job, end) in jobs.iter().zip(&world.ends) {
            prop_assert!(*end != Some(End::WorkerGone) || job.place == Where::Only(worker(1)));
        }
    }
}
