//! Cursors of SQL: `DECLARE`, `FETCH`, `MOVE`, `CLOSE`. A cursor is a portal with a name that SQL knows.
//!
//! Rows come as they are fetched. Going backwards needs a cursor that was declared with `SCROLL`: such a cursor's query runs anew and
//! skips to the place, which gives the same rows as long as it has an order and nothing was written; otherwise the rows are kept.

use std::sync::Arc;

use arrow::array::RecordBatch;

use super::plan::Plan;
use super::portal::{Portal, Source, State};
use super::run::{Answer, Bounds};
use super::{Session, Stop};
use crate::encode::Format;
use crate::error::PgError;
use crate::message::Status;
use crate::translate::{Command, Direction};

impl Session {
    /// Acts on a statement about cursors.
    pub(super) async fn cursor(
        &mut self,
        plan: &Arc<Plan>,
        parameters: Option<&RecordBatch>,
        formats: &[Format],
        bounds: &Bounds,
    ) -> Result<Answer, Stop> {
        match &plan.command {
            Command::DeclareCursor { name, hold, scroll, binary, query } => {
                if self.status == Status::Idle && !hold {
                    let message = "DECLARE CURSOR can only be used in transaction blocks";
                    return Err(PgError::new("25P01", message).into());
                }
                if self.portals.contains_key(name) {
                    return Err(PgError::new("42P03", format!("cursor \"{name}\" already exists")).into());
                }
                let query = Arc::new(plan.inner(query.clone(), &self.settings)?);
                let format = if *binary { Format::Binary } else { Format::Text };
                let mut portal = Portal::new(query, parameters.cloned(), vec![format]);
                (portal.hold, portal.scroll) = (*hold, *scroll != Some(false));
                // It begins here: what is written afterwards is not seen.
                self.open(&mut portal, bounds).await?;
                if *hold && self.status == Status::Idle {
                    self.keep_portal_rows(&mut portal, bounds).await?;
                }
                self.keep_portal(name.clone(), portal)?;
                Ok(Answer::Done("DECLARE CURSOR".to_owned()))
            }
            Command::CloseCursor(Some(name)) => {
                self.take_cursor(name)?;
                Ok(Answer::Done("CLOSE CURSOR".to_owned()))
            }
            Command::CloseCursor(None) => {
                self.portals.clear();
                Ok(Answer::Done("CLOSE CURSOR ALL".to_owned()))
            }
            Command::Fetch { cursor, direction, is_move } => {
                let mut portal = self.take_cursor(cursor)?;
                if self.in_extended && portal.formats != formats {
                    // Who binds a FETCH says how its rows come.
                    portal.formats = formats.to_vec();
                    if let State::Open(source) = &mut portal.state {
                        source.set_formats(formats, &self.settings.text);
                    }
                }
                let moved = self.fetch(&mut portal, *direction, *is_move, bounds).await;
                if moved.is_ok() {
                    self.portals.insert(cursor.clone(), portal);
                }
                let verb = if *is_move { "MOVE" } else { "FETCH" };
                self.stream.reply.complete(&format!("{verb} {}", moved?));
                Ok(Answer::Said)
            }
            _ => Err(PgError::new("XX000", "this is no statement about cursors").into()),
        }
    }

    fn take_cursor(&mut self, name: &str) -> Result<Portal, PgError> {
        let portal = self.portals.remove(name);
        portal.ok_or_else(|| PgError::new("34000", format!("cursor \"{name}\" does not exist")))
    }

    /// Runs a cursor's query, up to its first row.
    async fn open(&mut self, portal: &mut Portal, bounds: &Bounds) -> Result<(), Stop> {
        let plan = Arc::clone(&portal.plan);
        let ran = Box::pin(self.execute(&plan, portal.parameters.as_ref(), &portal.formats, bounds)).await?;
        portal.position = 0;
        portal.state = match ran {
            Answer::Rows(source, _) => State::Open(source),
            Answer::Done(_) => State::Done,
            Answer::Said => State::Done,
        };
        Ok(())
    }

    /// Moves a cursor and sends the rows on the way; gives their number.
    async fn fetch(
        &mut self,
        portal: &mut Portal,
        direction: Direction,
        is_move: bool,
        bounds: &Bounds,
    ) -> Result<u64, Stop> {
        if matches!(portal.state, State::Ready) {
            // A portal that was bound and not run yet is a cursor in front of its first row.
            self.open(portal, bounds).await?;
        }
        // One that was run to its end has no rows left.
        let State::Open(source) = &portal.state else { return Ok(0) };
        if !is_move && self.describes_fetch() {
            let columns = source.columns().to_vec();
            self.stream.reply.row_description(&columns);
        }
        match direction {
            Direction::Forward(count) if count > 0 => {
                self.forward(portal, Some(count.unsigned_abs()), is_move, bounds).await
            }
            Direction::ForwardAll => self.forward(portal, None, is_move, bounds).await,
            // The current row again.
            Direction::Forward(0) | Direction::Backward(0) | Direction::Relative(0) => {
                let at = portal.position;
                self.row_at(portal, at, is_move, bounds).await
            }
            Direction::Absolute(place) if place > 0 => self.row_at(portal, place.unsigned_abs(), is_move, bounds).await,
            Direction::Absolute(0) => {
                self.restart(portal, bounds).await?;
                Ok(0)
            }
            Direction::Relative(step) => {
                let at = portal.position.saturating_add_signed(step);
                self.row_at(portal, at, is_move, bounds).await
            }
            Direction::Forward(count) => self.backward(portal, count.unsigned_abs(), is_move, bounds).await,
            Direction::Backward(count) if count < 0 => {
                self.forward(portal, Some(count.unsigned_abs()), is_move, bounds).await
            }
            Direction::Backward(count) => self.backward(portal, count.unsigned_abs(), is_move, bounds).await,
            Direction::BackwardAll => {
                let count = portal.position;
                self.backward(portal, count, is_move, bounds).await
            }
            Direction::Absolute(place) => {
                self.forward(portal, None, true, bounds).await?;
                // The place behind the last row is where it stands now.
                let at = portal.position.saturating_sub(place.unsigned_abs());
                self.row_at(portal, at, is_move, bounds).await
            }
        }
    }

    /// The simple protocol has no Describe: each `FETCH` tells its columns.
    fn describes_fetch(&self) -> bool {
        !self.in_extended
    }

    async fn forward(
        &mut self,
        portal: &mut Portal,
        count: Option<u64>,
        is_move: bool,
        bounds: &Bounds,
    ) -> Result<u64, Stop> {
        let plan = Arc::clone(&portal.plan);
        let State::Open(source) = &mut portal.state else { return Ok(0) };
        let (rows, at_end) = if is_move {
            let wanted = count.unwrap_or(u64::MAX);
            let rows = self.skip_rows(source, &plan, wanted, bounds).await?;
            (rows, rows < wanted)
        } else {
            let sent = self.send_rows(source, &plan, count, bounds).await?;
            (sent.rows, !sent.more)
        };
        // Behind the last row is a place of its own.
        portal.position += rows + u64::from(at_end);
        Ok(rows)
    }

    /// Goes to a row, counted from 1, and sends it.
    async fn row_at(&mut self, portal: &mut Portal, place: u64, is_move: bool, bounds: &Bounds) -> Result<u64, Stop> {
        if place <= portal.position {
            self.restart(portal, bounds).await?;
        }
        if place == 0 {
            return Ok(0);
        }
        let skip = place - portal.position - 1;
        self.forward(portal, Some(skip), true, bounds).await?;
        self.forward(portal, Some(1), is_move, bounds).await
    }

    /// Sends rows before the current one, the nearest first.
    async fn backward(&mut self, portal: &mut Portal, count: u64, is_move: bool, bounds: &Bounds) -> Result<u64, Stop> {
        let mut sent = 0;
        let mut at = portal.position;
        while sent < count && at > 1 {
            at -= 1;
            sent += self.row_at(portal, at, is_move, bounds).await?;
        }
        if sent < count {
            self.restart(portal, bounds).await?;
        }
        Ok(sent)
    }

    /// Goes back to before the first row.
    async fn restart(&mut self, portal: &mut Portal, bounds: &Bounds) -> Result<(), Stop> {
        if portal.position == 0 {
            return Ok(());
        }
        if !portal.scroll {
            let error = PgError::new("55000", "cursor can only scan forward");
            return Err(error.with_hint("Declare it with SCROLL option to enable backward scan.").into());
        }
        self.open(portal, bounds).await
    }

    /// Cursors that outlive the transaction keep their rows.
    pub(super) async fn hold_cursors(&mut self, bounds: &Bounds) -> Result<(), Stop> {
        let mut portals = std::mem::take(&mut self.portals);
        portals.retain(|_, portal| portal.hold);
        for portal in portals.values_mut() {
            self.keep_portal_rows(portal, bounds).await?;
        }
        self.portals = portals;
        Ok(())
    }

    async fn keep_portal_rows(&mut self, portal: &mut Portal, bounds: &Bounds) -> Result<(), Stop> {
        let plan = Arc::clone(&portal.plan);
        match &mut portal.state {
            State::Open(source @ Source::Gateway(_)) => self.keep_rows(source, &plan, bounds).await,
            State::Open(Source::Own(_)) | State::Ready | State::Done => Ok(()),
        }
    }
}
