//! How big statements were: their memory, their spill, their rows and time.
//!
//! DuckDB counts the memory of all statements together, so that only of one that ran alone, from its begin to its end, a peak is known.
//! A thread reads the count every few milliseconds while statements run and rests when none does. What a short statement took between two
//! readings cannot be seen: it is told as the most that its threads can have touched in its time.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use http::HeaderMap;
use tavana_wire::estimate::{self, Actual, VERSION};
use tavana_wire::headers;

use super::usage::{Usage, UsageReader};

/// How often usage is read while a statement runs.
const TICK: Duration = Duration::from_millis(5);
/// How long the thread goes on looking after the last statement, so that many small ones do not wake it each.
const LINGER: Duration = Duration::from_millis(200);
/// Readings that make a peak.
const ENOUGH: u32 = 4;
/// Bytes that a thread can touch anew in a second, at most: pages have to be had from the kernel and cleared.
const TOUCHED_PER_THREAD_SECOND: u64 = 2 << 30;

/// Measures the statements of one instance.
#[derive(Clone, Debug)]
pub(crate) struct Meter(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    wake: Condvar,
    threads: u64,
}

#[derive(Debug, Default)]
struct State {
    running: Vec<(u64, Readings)>,
    begun: u64,
    /// What was in use when nothing ran, and whether something has run since.
    at_rest: Usage,
    is_stale: bool,
    latest: Usage,
    is_asleep: bool,
    has_ended: bool,
}

/// What was read while one statement ran.
#[derive(Clone, Copy, Debug)]
struct Readings {
    is_alone: bool,
    before: Usage,
    count: u32,
    operators_bytes: u64,
    spilled_bytes: u64,
}

/// One statement, measured from [`Run::begin`] to [`Run::end`] or until the last clone is dropped.
#[derive(Clone, Debug)]
pub(crate) struct Run(Arc<Measured>);

#[derive(Debug)]
struct Measured {
    meter: Meter,
    begun: OnceLock<Begun>,
    ended: OnceLock<Actual>,
    given: Mutex<Given>,
}

#[derive(Debug)]
struct Begun {
    at: Instant,
    /// Its number here; none of one that runs on another instance.
    number: Option<u64>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Given {
    rows: u64,
    bytes: u64,
}

impl Meter {
    /// A meter for statements on so many threads; it reads nothing before [`Meter::watch`].
    pub(crate) fn new(threads: usize) -> Self {
        let state = Mutex::new(State { is_stale: true, ..State::default() });
        Self(Arc::new(Shared { state, wake: Condvar::new(), threads: threads as u64 }))
    }

    /// A statement that is to be measured.
    pub(crate) fn run(&self) -> Run {
        let measured =
            Measured { meter: self.clone(), begun: OnceLock::new(), ended: OnceLock::new(), given: Mutex::default() };
        Run(Arc::new(measured))
    }

    /// The last reading.
    pub(super) fn latest(&self) -> Usage {
        self.lock().latest
    }

    /// Has usage read again soon, whether statements run or not.
    pub(super) fn refresh(&self) {
        self.lock().is_stale = true;
        self.0.wake.notify_all();
    }

    /// Ends [`Meter::watch`].
    pub(super) fn end(&self) {
        self.lock().has_ended = true;
        self.0.wake.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self) -> u64 {
        let mut state = self.lock();
        let is_alone = state.running.is_empty();
        for (_, readings) in &mut state.running {
            readings.is_alone = false;
        }
        let number = state.begun;
        state.begun += 1;
        let before = state.at_rest;
        let readings = Readings { is_alone, before, count: 0, operators_bytes: 0, spilled_bytes: 0 };
        state.running.push((number, readings));
        if state.is_asleep {
            self.0.wake.notify_all();
        }
        number
    }

    fn finish(&self, number: u64) -> Option<Readings> {
        let mut state = self.lock();
        let at = state.running.iter().position(|(running, _)| *running == number)?;
        let (_, readings) = state.running.swap_remove(at);
        // What is in use once nothing runs is what the next one begins on.
        state.is_stale |= readings.count > 0;
        if state.is_stale && state.running.is_empty() {
            self.0.wake.notify_all();
        }
        Some(readings)
    }

    /// Reads while statements run, until [`Meter::end`]. Blocks.
    pub(super) fn watch(&self, mut reader: UsageReader) {
        let mut busy = Instant::now();
        while let Some(begun) = self.wait(&mut busy) {
            // Only an instance that was given up fails; whoever runs a statement on it tells of that.
            match reader.read() {
                Ok(usage) => self.note(usage, begun),
                Err(_) => std::thread::sleep(LINGER),
            }
        }
    }

    /// Waits for the time to read; gives how many statements had begun then, `None` at the end.
    fn wait(&self, busy: &mut Instant) -> Option<u64> {
        let mut state = self.lock();
        loop {
            if state.has_ended {
                return None;
            }
            let rests = state.running.is_empty();
            if rests && state.is_stale {
                return Some(state.begun);
            }
            if !rests {
                *busy = Instant::now();
            }
            if rests && busy.elapsed() > LINGER {
                state.is_asleep = true;
                state = self.0.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
                state.is_asleep = false;
                continue;
            }
            let ran: Vec<u64> = state.running.iter().map(|(number, _)| *number).collect();
            state = self.0.wake.wait_timeout(state, TICK).unwrap_or_else(PoisonError::into_inner).0;
            // One that has gone on for a whole tick is worth a reading.
            if state.running.iter().any(|(number, _)| ran.contains(number)) && !state.has_ended {
                return Some(state.begun);
            }
        }
    }

    fn note(&self, usage: Usage, begun: u64) {
        let mut state = self.lock();
        state.latest = usage;
        if state.running.is_empty() && state.begun == begun {
            (state.at_rest, state.is_stale) = (usage, false);
        }
        for (number, readings) in &mut state.running {
            if *number < begun {
                readings.count += 1;
                readings.operators_bytes = readings.operators_bytes.max(usage.operators_bytes);
                readings.spilled_bytes = readings.spilled_bytes.max(usage.spilled_bytes);
            }
        }
    }
}

impl Readings {
    /// The peak of memory and of spill of a statement that took so long on so many threads.
    fn peaks(&self, took: Duration, threads: u64) -> (Option<u64>, Option<u64>) {
        let seen = self.operators_bytes.saturating_sub(self.before.operators_bytes);
        match (self.is_alone, self.count >= ENOUGH) {
            (false, _) => (None, None),
            (true, true) => (Some(seen), Some(self.spilled_bytes.saturating_sub(self.before.spilled_bytes))),
            (true, false) => {
                let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
                let touched = (TOUCHED_PER_THREAD_SECOND / 1_000_000).saturating_mul(micros).saturating_mul(threads);
                // A statement may wait for long on something else and be read too rarely; then nothing is known.
                let is_short = took < TICK * (ENOUGH + 2);
                (is_short.then(|| seen.max(touched)), None)
            }
        }
    }
}

impl Run {
    /// Notes that it runs from now on; with `elsewhere` on another instance than the worker's own. Only the first call counts.
    pub(crate) fn begin(&self, elsewhere: bool) {
        self.0.begun.get_or_init(|| Begun { at: Instant::now(), number: (!elsewhere).then(|| self.0.meter.begin()) });
    }

    /// Notes what was given out, or changed, in all.
    pub(crate) fn gave(&self, rows: u64, bytes: u64) {
        *self.0.given.lock().unwrap_or_else(PoisonError::into_inner) = Given { rows, bytes };
    }

    /// Notes that it has ended. Only the first call counts.
    pub(crate) fn end(&self) {
        self.0.end();
    }

    /// Puts how big it was into headers or trailers of the reply, if it ran and has ended.
    pub(crate) fn tell(&self, reply: &mut HeaderMap) {
        if let Some(actual) = self.actual() {
            estimate::put(reply, headers::ACTUAL, &actual);
        }
    }

    /// How big it was; `None` when nothing ran, or it has not ended.
    pub(crate) fn actual(&self) -> Option<Actual> {
        self.0.ended.get().copied()
    }
}

impl Measured {
    fn end(&self) {
        let Some(begun) = self.begun.get() else { return };
        self.ended.get_or_init(|| {
            let took = begun.at.elapsed();
            let readings = begun.number.and_then(|number| self.meter.finish(number));
            let (peak_memory_bytes, spilled_bytes) =
                readings.map(|readings| readings.peaks(took, self.meter.0.threads)).unwrap_or_default();
            let given = *self.given.lock().unwrap_or_else(PoisonError::into_inner);
            Actual {
                version: VERSION,
                peak_memory_bytes,
                spilled_bytes,
                rows: given.rows,
                run_us: u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
                output_bytes: given.bytes,
            }
        });
    }
}

impl Drop for Measured {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn usage(operators: u64, spilled: u64) -> Usage {
        Usage { used_bytes: operators, operators_bytes: operators, spilled_bytes: spilled }
    }

    /// A meter with a first reading at rest.
    fn meter(at_rest: Usage) -> Meter {
        let meter = Meter::new(2);
        meter.note(at_rest, 0);
        meter
    }

    fn read(meter: &Meter, usages: &[Usage]) {
        for usage in usages {
            let begun = meter.lock().begun;
            meter.note(*usage, begun);
        }
    }

    #[test]
    fn a_peak_is_above_what_was_in_use_before() {
        let meter = meter(usage(10 * MIB, MIB));
        let run = meter.run();
        assert_eq!(run.actual(), None);
        run.begin(false);
        read(&meter, &[usage(20 * MIB, MIB), usage(90 * MIB, 4 * MIB), usage(5, MIB), usage(7, MIB)]);
        run.gave(3, 100);
        run.end();
        let actual = run.actual().unwrap();
        assert_eq!((actual.peak_memory_bytes, actual.spilled_bytes), (Some(80 * MIB), Some(3 * MIB)));
        assert_eq!((actual.rows, actual.output_bytes), (3, 100));
        assert!(meter.lock().running.is_empty());
    }

    #[test]
    fn of_statements_that_overlap_no_peak_is_known() {
        let meter = meter(usage(0, 0));
        let (first, second, third) = (meter.run(), meter.run(), meter.run());
        first.begin(false);
        read(&meter, &[usage(MIB, 0); 5]);
        second.begin(false);
        first.end();
        read(&meter, &[usage(MIB, 0); 5]);
        second.end();
        third.begin(false);
        read(&meter, &[usage(MIB, 0); 5]);
        third.end();
        let peak = |run: &Run| run.actual().unwrap().peak_memory_bytes;
        assert_eq!((peak(&first), peak(&second), peak(&third)), (None, None, Some(MIB)));
    }

    #[test]
    fn a_run_on_another_instance_is_only_timed() {
        let meter = meter(usage(0, 0));
        let (elsewhere, here) = (meter.run(), meter.run());
        elsewhere.begin(true);
        here.begin(false);
        read(&meter, &[usage(MIB, 0); 5]);
        here.end();
        elsewhere.end();
        assert_eq!(elsewhere.actual().unwrap().peak_memory_bytes, None);
        assert_eq!(here.actual().unwrap().peak_memory_bytes, Some(MIB));
    }

    #[test]
    fn a_short_statement_is_told_as_the_most_it_can_have_touched() {
        let readings =
            Readings { is_alone: true, before: usage(MIB, 0), count: 1, operators_bytes: 100 * MIB, spilled_bytes: 0 };
        let check = |count, micros, peak| {
            let readings = Readings { count, ..readings };
            assert_eq!(readings.peaks(Duration::from_micros(micros), 2).0, peak, "{count} readings, {micros} µs");
        };
        check(0, 1000, Some(99 * MIB));
        check(0, 29_000, Some(TOUCHED_PER_THREAD_SECOND / 1_000_000 * 29_000 * 2));
        check(1, 300_000, None);
        check(9, 300_000, Some(99 * MIB));
    }

    #[test]
    fn what_is_dropped_has_ended() {
        let meter = meter(usage(0, 0));
        let run = meter.run();
        run.begin(false);
        drop(run);
        assert!(meter.lock().running.is_empty());
    }
}
