//! What earlier runs of a statement say of the next one.
//!
//! A statement that is granted too little may fail, one that is granted too much only waits: so the memory that is expected is an upper
//! bound, and everything else a median. The bound is the peak that nine of ten runs kept to, times a factor for what was not seen yet.
//! It is 1.2, by which a first run foretells nine of ten second ones within a factor of 1.3 (`bench/estimates`); runs that agree within a
//! tenth have shown how little there is to see, and for them it falls from five runs on to 1.1 at twenty. A run that spilled, or ran out of memory, did not get what it wanted: it counts
//! as the whole of its grant and what it spilled.

use tavana_wire::FailureKind;
use tavana_wire::status::QueryRow;

use crate::estimate::Expectation;

/// Runs that are kept of a fingerprint; older ones say little of the data as it is.
pub(super) const MAX_RUNS: usize = 20;
/// From this many peaks on that agree the factor falls.
const SETTLED_RUNS: usize = 5;

/// One run.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub(super) struct Run {
    /// Microseconds since 1970.
    #[prost(int64, tag = "1")]
    pub(super) ended_us: i64,
    /// Memory that it wanted at its peak, where that is known.
    #[prost(uint64, optional, tag = "2")]
    pub(super) peak_memory_bytes: Option<u64>,
    #[prost(uint64, tag = "3")]
    pub(super) rows: u64,
    #[prost(uint64, tag = "4")]
    pub(super) output_bytes: u64,
    /// As it was estimated.
    #[prost(uint64, optional, tag = "5")]
    pub(super) scan_bytes: Option<u64>,
    #[prost(uint64, tag = "6")]
    pub(super) run_us: u64,
    /// It failed: only its memory says something.
    #[prost(bool, tag = "7")]
    pub(super) failed: bool,
}

/// The last runs of a fingerprint, the oldest first.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Runs {
    #[prost(message, repeated, tag = "1")]
    runs: Vec<Run>,
}

impl Run {
    /// What a statement that ended says; `None` when it says nothing of the next one.
    pub(super) fn of(row: &QueryRow) -> Option<Self> {
        let ended_us = row.ended_us?;
        let scan_bytes = row.estimate.as_ref().and_then(|estimate| estimate.scan_bytes);
        if row.outcome == FailureKind::OutOfMemory.label() {
            let peak = row.actual.and_then(|actual| actual.peak_memory_bytes).max(row.grant_bytes)?;
            return Some(Self { ended_us, peak_memory_bytes: Some(peak), scan_bytes, failed: true, ..Self::default() });
        }
        let actual = row.actual.filter(|_| row.outcome == super::OK)?;
        let peak_memory_bytes = match actual.spilled_bytes {
            Some(spilled @ 1..) => {
                actual.peak_memory_bytes.max(row.grant_bytes).map(|peak| peak.saturating_add(spilled))
            }
            Some(0) | None => actual.peak_memory_bytes,
        };
        let (rows, output_bytes, run_us) = (actual.rows, actual.output_bytes, actual.run_us);
        Some(Self { ended_us, peak_memory_bytes, rows, output_bytes, scan_bytes, run_us, failed: false })
    }
}

impl Runs {
    /// Adds a run; the oldest goes.
    pub(super) fn add(&mut self, run: Run) {
        let excess = (self.runs.len() + 1).saturating_sub(MAX_RUNS);
        self.runs.drain(..excess);
        self.runs.push(run);
    }

    /// When the last one ended.
    pub(super) fn last_us(&self) -> i64 {
        self.runs.last().map_or(0, |run| run.ended_us)
    }

    /// What the next run is expected to take; `None` without any.
    pub(super) fn expect(&self) -> Option<Expectation> {
        let ended = || self.runs.iter().filter(|run| !run.failed);
        let runs = u32::try_from(self.runs.len()).ok().filter(|&count| count > 0)?;
        Some(Expectation {
            runs,
            peak_memory_bytes: upper_bound(self.runs.iter().filter_map(|run| run.peak_memory_bytes).collect()),
            rows: median(ended().map(|run| run.rows).collect()),
            output_bytes: median(ended().map(|run| run.output_bytes).collect()),
            scan_bytes: median(self.runs.iter().filter_map(|run| run.scan_bytes).collect()),
            run_us: median(ended().map(|run| run.run_us).collect()),
        })
    }
}

/// The peak that nine of ten of these kept to, times the factor for what was not seen.
fn upper_bound(mut peaks: Vec<u64>) -> Option<u64> {
    peaks.sort_unstable();
    let (&least, &most) = (peaks.first()?, peaks.last()?);
    let p90 = *peaks.get((peaks.len() * 9).div_ceil(10) - 1)?;
    let agree = most as f64 <= least as f64 * 1.1;
    let seen = peaks.len().min(MAX_RUNS);
    let factor = match seen {
        SETTLED_RUNS.. if agree => 1.2 - 0.1 * (seen - SETTLED_RUNS) as f64 / (MAX_RUNS - SETTLED_RUNS) as f64,
        _ => 1.2,
    };
    Some((p90 as f64 * factor).round() as u64)
}

fn median(mut values: Vec<u64>) -> Option<u64> {
    values.sort_unstable();
    values.get(values.len().checked_sub(1)? / 2).copied()
}

#[cfg(test)]
mod tests {
    use tavana_wire::estimate::Actual;

    use super::*;

    fn ran(peak: Option<u64>, spilled: Option<u64>, outcome: &str) -> QueryRow {
        let actual = Actual { peak_memory_bytes: peak, spilled_bytes: spilled, rows: 7, ..Actual::default() };
        QueryRow {
            outcome: outcome.to_owned(),
            actual: Some(actual),
            grant_bytes: Some(500),
            ended_us: Some(1),
            ..QueryRow::default()
        }
    }

    #[test]
    fn a_run_tells_the_memory_it_wanted() {
        let check = |row: QueryRow, peak: Option<Option<u64>>| {
            assert_eq!(Run::of(&row).map(|run| run.peak_memory_bytes), peak, "{row:?}");
        };
        check(ran(Some(100), Some(0), "ok"), Some(Some(100)));
        check(ran(None, None, "ok"), Some(None));
        check(ran(Some(100), Some(30), "ok"), Some(Some(530)));
        check(ran(Some(900), Some(30), "ok"), Some(Some(930)));
        check(ran(Some(100), Some(0), "out_of_memory"), Some(Some(500)));
        check(ran(Some(100), Some(0), "cancelled"), None);
        check(QueryRow { actual: None, ..ran(None, None, "ok") }, None);
    }

    #[test]
    fn the_bound_narrows_with_runs_that_agree() {
        let check = |peaks: &[u64], bound: Option<u64>| {
            let mut runs = Runs::default();
            for &peak in peaks {
                runs.add(Run { peak_memory_bytes: Some(peak), ..Run::default() });
            }
            assert_eq!(runs.expect().and_then(|expected| expected.peak_memory_bytes), bound, "{peaks:?}");
        };
        check(&[], None);
        check(&[1000], Some(1200));
        check(&[1000, 1000, 1000, 1000], Some(1200));
        check(&[1000; 5], Some(1200));
        check(&[1000; 20], Some(1100));
        // The oldest are forgotten.
        check(&[[9000; 5], [1000; 5], [1000; 5], [1000; 5], [1000; 5]].concat(), Some(1100));
        // Runs that do not agree keep the whole factor; one in ten does not move the bound.
        check(&[[1000; 10].as_slice(), &[500; 9], &[9000]].concat(), Some(1200));
        check(&[u64::MAX, u64::MAX], Some(u64::MAX));
    }

    #[test]
    fn all_but_memory_is_a_median_of_the_runs_that_ended() {
        let mut runs = Runs::default();
        for rows in [10, 30, 20] {
            runs.add(Run { rows, run_us: rows * 2, scan_bytes: Some(rows * 3), ..Run::default() });
        }
        runs.add(Run { failed: true, ..Run::default() });
        let expected = runs.expect().unwrap();
        assert_eq!(
            (expected.runs, expected.rows, expected.run_us, expected.scan_bytes),
            (4, Some(20), Some(40), Some(60))
        );
        assert_eq!(expected.peak_memory_bytes, None);
    }
}
