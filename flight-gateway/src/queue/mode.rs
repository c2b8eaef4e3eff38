//! Whether waiting helps: the modes *Scaling* and *Saturation*.
//!
//! While more capacity may come, a statement that is too big for every worker waits for a bigger one. When none will come, waiting is in
//! vain, and it runs with what there is and spills. Who scales tells when its ceiling is reached; where nobody scales, nobody answers,
//! and after a while of waiting that is the same. Saturation ends when capacity grew, when the ceiling was taken back, or when nothing has
//! waited for a while. After each change the mode stays for a while, so that it does not flap. Time comes in from outside.

use std::time::Duration;

/// Whether more capacity is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Mode {
    /// Demand is signalled and capacity is on its way.
    Scaling,
    /// The ceiling is reached: statements take what there is.
    Saturation,
}

/// The times that the rules go by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// Waiting for this long without an answer means that nobody scales.
    pub(super) saturation_after: Duration,
    /// Saturation ends when nothing has waited for this long; and no mode is shorter than this.
    pub(super) calm: Duration,
}

/// What is seen of the queue and the workers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub(super) anything_waits: bool,
    /// Of all workers that take statements.
    pub(super) capacity_bytes: u64,
}

/// The mode and what decides about it.
#[derive(Debug)]
pub(super) struct Modes {
    pace: Pace,
    mode: Mode,
    changed: Option<Duration>,
    ceiling: bool,
    /// In Saturation: who scales has said since that more is on its way.
    taken_back: bool,
    /// Since when something has waited without an answer.
    unanswered_since: Option<Duration>,
    empty_since: Option<Duration>,
    capacity_bytes: u64,
    /// Capacity at the time that Saturation began, or the least since: growing is more than that.
    least_bytes: u64,
}

impl Mode {
    /// The value of the label in metrics and tables.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Scaling => "scaling",
            Self::Saturation => "saturation",
        }
    }
}

impl Modes {
    pub(super) fn new(pace: Pace) -> Self {
        Self {
            pace,
            mode: Mode::Scaling,
            changed: None,
            ceiling: false,
            taken_back: false,
            unanswered_since: None,
            empty_since: None,
            capacity_bytes: 0,
            least_bytes: 0,
        }
    }

    pub(super) fn mode(&self) -> Mode {
        self.mode
    }

    /// Who scales has answered the demand: there will be no more (`ceiling`), or more is on its way.
    pub(super) fn answered(&mut self, ceiling: bool, now: Duration) {
        self.ceiling = ceiling;
        self.taken_back = !ceiling && self.mode == Mode::Saturation;
        self.unanswered_since = self.unanswered_since.map(|_| now);
    }

    /// Applies the rules.
    pub(super) fn observe(&mut self, seen: Seen, now: Duration) {
        if seen.capacity_bytes > self.capacity_bytes {
            self.unanswered_since = None;
        }
        self.capacity_bytes = seen.capacity_bytes;
        self.least_bytes = self.least_bytes.min(seen.capacity_bytes);
        if seen.anything_waits {
            self.unanswered_since.get_or_insert(now);
            self.empty_since = None;
        } else {
            self.unanswered_since = None;
            self.empty_since.get_or_insert(now);
        }
        let settled = self.changed.is_none_or(|at| now.saturating_sub(at) >= self.pace.calm);
        if settled && self.wants_change(now) {
            self.mode = match self.mode {
                Mode::Scaling => Mode::Saturation,
                Mode::Saturation => Mode::Scaling,
            };
            self.changed = Some(now);
            self.taken_back = false;
            self.least_bytes = self.capacity_bytes;
            self.unanswered_since = self.unanswered_since.map(|_| now);
        }
    }

    fn wants_change(&self, now: Duration) -> bool {
        let since = |at: Option<Duration>, least| at.is_some_and(|at| now.saturating_sub(at) >= least);
        match self.mode {
            Mode::Scaling => {
                let waits = self.unanswered_since.is_some();
                waits && self.ceiling || since(self.unanswered_since, self.pace.saturation_after)
            }
            Mode::Saturation => {
                let grew = self.capacity_bytes > self.least_bytes;
                grew || self.taken_back || since(self.empty_since, self.pace.calm)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What happens at a second, and the mode after it.
    enum Event {
        Waits(u64),
        Empty(u64),
        Ceiling,
        OnItsWay,
    }
    use Event::*;

    fn check(steps: &[(u64, Event, Mode)]) {
        let pace = Pace { saturation_after: Duration::from_secs(30), calm: Duration::from_secs(10) };
        let mut modes = Modes::new(pace);
        let mut seen = Seen { anything_waits: false, capacity_bytes: 0 };
        for (second, event, expected) in steps {
            let now = Duration::from_secs(*second);
            match *event {
                Waits(bytes) => seen = Seen { anything_waits: true, capacity_bytes: bytes },
                Empty(bytes) => seen = Seen { anything_waits: false, capacity_bytes: bytes },
                Ceiling => modes.answered(true, now),
                OnItsWay => modes.answered(false, now),
            }
            modes.observe(seen, now);
            assert_eq!(modes.mode(), *expected, "at second {second}");
        }
    }

    #[test]
    fn nobody_answers() {
        use Mode::*;
        check(&[
            (0, Waits(8), Scaling),
            (29, Waits(8), Scaling),
            (30, Waits(8), Saturation),
            (99, Waits(8), Saturation),
        ]);
    }

    #[test]
    fn the_ceiling_is_reported_and_left_when_the_queue_was_empty() {
        use Mode::*;
        check(&[
            (0, Ceiling, Scaling),
            (1, Waits(8), Saturation),
            (20, Empty(8), Saturation),
            (29, Empty(8), Saturation),
            (30, Empty(8), Scaling),
            (31, Empty(8), Scaling),
        ]);
    }

    #[test]
    fn capacity_that_grew_ends_saturation() {
        use Mode::*;
        check(&[
            (0, Waits(8), Scaling),
            (40, Waits(8), Saturation),
            (60, Waits(9), Scaling),
            (80, Waits(9), Scaling),
            (90, Waits(9), Saturation),
        ]);
    }

    #[test]
    fn a_lost_worker_that_comes_back_is_growth() {
        use Mode::*;
        check(&[
            (0, Waits(8), Scaling),
            (40, Waits(8), Saturation),
            (60, Waits(4), Saturation),
            (61, Waits(8), Scaling),
        ]);
    }

    #[test]
    fn answers_keep_it_scaling() {
        use Mode::*;
        check(&[(0, Waits(8), Scaling), (20, OnItsWay, Scaling), (45, OnItsWay, Scaling), (74, Waits(8), Scaling)]);
    }

    #[test]
    fn a_ceiling_that_is_taken_back_ends_saturation() {
        use Mode::*;
        check(&[
            (0, Waits(8), Scaling),
            (40, Waits(8), Saturation),
            (45, OnItsWay, Saturation),
            (50, Waits(8), Scaling),
        ]);
    }

    #[test]
    fn it_does_not_flap() {
        use Mode::*;
        check(&[
            (0, Ceiling, Scaling),
            (1, Waits(8), Saturation),
            (2, Waits(9), Saturation),
            (11, Waits(9), Scaling),
            (12, Waits(9), Scaling),
            (20, Waits(9), Scaling),
            (21, Waits(9), Saturation),
        ]);
    }
}
