//! Offsets of time zones, fast for values that lie close together.
//!
//! Finding an offset is a search through a zone's transitions. Results are mostly of one season, so the last stretch of
//! constant offset is remembered. Years that the time zone database does not reach are looked up in a year that falls on
//! the same weekdays: the calendar repeats every 400 years.

use jiff::Timestamp;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use std::cell::Cell;

const CYCLE_SECONDS: i64 = 146_097 * 86_400;
/// What the database covers, with a margin: years -9998 to 9998.
const FIRST_SECOND: i64 = -377_600_000_000;
const LAST_SECOND: i64 = 253_300_000_000;

/// A time zone of a session.
#[derive(Clone, Debug)]
pub struct Zone {
    name: String,
    zone: TimeZone,
    /// Seconds of the first and behind the last moment for which `offset` is known.
    from: Cell<i64>,
    until: Cell<i64>,
    offset: Cell<i32>,
}

/// No such time zone.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("time zone \"{0}\" not recognized")]
pub struct UnknownZone(pub String);

impl Zone {
    /// The zone of a name in the time zone database, or of an offset like `+05:30` (east is positive).
    pub fn named(name: &str) -> Result<Self, UnknownZone> {
        let zone = match fixed_offset(name) {
            Some(seconds) => TimeZone::fixed(Offset::from_seconds(seconds).map_err(|_| UnknownZone(name.into()))?),
            None => TimeZone::get(name).map_err(|_| UnknownZone(name.into()))?,
        };
        Ok(Self { name: name.into(), zone, from: Cell::new(1), until: Cell::new(0), offset: Cell::new(0) })
    }

    /// Coordinated universal time.
    pub fn utc() -> Self {
        let zone = TimeZone::UTC;
        Self { name: "UTC".into(), zone, from: Cell::new(i64::MIN), until: Cell::new(i64::MAX), offset: Cell::new(0) }
    }

    /// The name the zone was asked for by.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Seconds east of UTC at a moment in seconds since 1970.
    #[inline]
    pub(crate) fn offset_at(&self, second: i64) -> i32 {
        if second >= self.from.get() && second < self.until.get() {
            return self.offset.get();
        }
        self.look_up(second)
    }

    fn look_up(&self, second: i64) -> i32 {
        let covered = into_covered(second);
        let Ok(moment) = Timestamp::from_second(covered) else { return 0 };
        let offset = self.zone.to_offset(moment).seconds();
        if covered == second {
            // `preceding` looks strictly before its moment.
            let before =
                self.zone.preceding(moment.saturating_add(jiff::Span::new().seconds(1)).unwrap_or(moment)).next();
            let after = self.zone.following(moment).next();
            self.from.set(before.map_or(FIRST_SECOND, |found| found.timestamp().as_second()));
            self.until.set(after.map_or(LAST_SECOND, |found| found.timestamp().as_second()));
            self.offset.set(offset);
        }
        offset
    }

    /// Calls `write` with the zone's short name at a moment, if it has one that is more than an offset.
    pub(crate) fn with_abbreviation_at(&self, second: i64, write: impl FnOnce(&str)) -> bool {
        let Ok(moment) = Timestamp::from_second(into_covered(second)) else { return false };
        if fixed_offset(&self.name).is_some() {
            return false;
        }
        write(self.zone.to_offset_info(moment).abbreviation());
        true
    }

    /// Seconds east of UTC when the zone's clocks show this local second. In the gap of spring the clock is taken as not
    /// yet turned, in the fold of autumn as turned already, as PostgreSQL does.
    pub(crate) fn offset_of_local(&self, local_second: i64) -> i32 {
        let covered = into_covered(local_second);
        let Ok(shown) = Timestamp::from_second(covered) else { return 0 };
        let shown = Offset::UTC.to_datetime(shown);
        match self.zone.to_ambiguous_timestamp(shown).offset() {
            AmbiguousOffset::Unambiguous { offset } => offset.seconds(),
            AmbiguousOffset::Gap { before, .. } => before.seconds(),
            AmbiguousOffset::Fold { after, .. } => after.seconds(),
        }
    }
}

/// The same second of the year some 400-year cycles nearer, if it lies outside of what the database covers.
fn into_covered(second: i64) -> i64 {
    if second > LAST_SECOND {
        LAST_SECOND - CYCLE_SECONDS + (second - LAST_SECOND).rem_euclid(CYCLE_SECONDS)
    } else if second < FIRST_SECOND {
        FIRST_SECOND + (second - FIRST_SECOND).rem_euclid(CYCLE_SECONDS)
    } else {
        second
    }
}

/// Seconds of `+H[H][:MM[:SS]]`.
fn fixed_offset(name: &str) -> Option<i32> {
    let sign = match name.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let mut parts = name[1..].split(':').map(|part| part.parse::<i32>().ok().filter(|value| *value < 60));
    let hours = parts.next()??;
    let minutes = parts.next().unwrap_or(Some(0))?;
    let seconds = parts.next().unwrap_or(Some(0))?;
    (hours < 16 && parts.next().is_none()).then_some(sign * (hours * 3600 + minutes * 60 + seconds))
}
