//! Fetching: from a ticket to a body whose frames are made as the client takes them.

use std::sync::Arc;

use tavana_wire::handle::{StatementTicket, Work};
use tavana_wire::{Failure, FailureKind, QueryId};
use tokio::sync::mpsc;

use super::Executor;
use super::blocking::blocking;
use super::cursor::Cursor;
use super::parameters::Parameters;
use crate::caller::Call;
use crate::running::RunningQuery;
use crate::session::PinnedSession;
use crate::spool::Spool;
use crate::statement::Statement;
use crate::stream::body::{Delivery, FRAMES_AHEAD, FlightBody};
use crate::stream::frame::Frame;

/// Frames that the first trip to DuckDB may bring along: small results are whole after one.
const FIRST_FRAMES: usize = 2;

impl Executor {
    /// The result of a ticket for a statement.
    ///
    /// # Errors
    /// Whatever fails before the first frame; what fails later is in the body's trailers.
    pub(crate) async fn fetch(self: &Arc<Self>, call: &mut Call, sealed: &[u8]) -> Result<FlightBody, Failure> {
        let handle = self.open(call, sealed)?;
        match handle.work {
            Some(Work::Statement(ticket)) => {
                if let Some(session) = handle.session {
                    // The statement was planned with these settings.
                    call.session.settings = session.settings;
                }
                self.fetch_statement(call, ticket).await
            }
            Some(Work::Stored(ticket)) => self.fetch_stored(call, &ticket.query_id),
            _ => Err(Failure::new(FailureKind::InvalidRequest, "this is not a ticket")),
        }
    }

    pub(super) async fn fetch_statement(
        self: &Arc<Self>,
        call: &mut Call,
        ticket: StatementTicket,
    ) -> Result<FlightBody, Failure> {
        check_room(call, &ticket.sql)?;
        let id = QueryId::from_bytes(&ticket.query_id).unwrap_or_else(QueryId::random);
        let query = self.running.start(id, call);
        let lease = self.lease(call, Some(&ticket.sql)).await?;
        let session = lease.session().cloned();
        let parameters = Parameters::decode(&ticket.parameters)?;
        let cursor = Cursor::new(lease, query.run().clone(), ticket.sql, parameters, ticket.schema_digest);
        let (cursor, frames) = blocking(&query, cursor, first_frames).await?;
        Ok(self.deliver(query, cursor, frames, session))
    }

    /// The body of a result that has begun with `frames`.
    pub(super) fn deliver(
        self: &Arc<Self>,
        query: RunningQuery,
        cursor: Cursor,
        frames: Vec<Frame>,
        session: Option<Arc<PinnedSession>>,
    ) -> FlightBody {
        let (sender, receiver) = mpsc::channel(FRAMES_AHEAD);
        let finished = cursor.is_finished();
        for frame in frames {
            // There is room for the first frames; nobody else sends.
            let _ = sender.try_send(Delivery::Frame(frame));
        }
        if finished {
            drop(cursor);
            let _ = sender.try_send(Delivery::End(Ok(())));
        } else {
            let executor = Arc::clone(self);
            tokio::spawn(async move { executor.produce(query, cursor, session, sender).await });
        }
        FlightBody::new(receiver)
    }

    /// Runs the statement of a ticket to its end and keeps its result.
    ///
    /// # Errors
    /// What DuckDB says, or that there is no room to keep it.
    pub(crate) async fn run_ahead(&self, call: &mut Call, sealed: &[u8]) -> Result<(), Failure> {
        let handle = self.open(call, sealed)?;
        // A result that is kept already has run.
        let Some(Work::Statement(ticket)) = handle.work else { return Ok(()) };
        check_room(call, &ticket.sql)?;
        let query = self.running.start(call.query_id, call);
        let lease = self.lease(call, Some(&ticket.sql)).await?;
        let parameters = Parameters::decode(&ticket.parameters)?;
        let cursor = Cursor::new(lease, query.run().clone(), ticket.sql, parameters, ticket.schema_digest);
        let space = self.space.clone();
        let (_, spool) = blocking(&query, cursor, move |cursor: &mut Cursor| cursor.drain(&space)).await?;
        self.results.keep(query.id(), &call.session.principal, spool);
        Ok(())
    }

    fn fetch_stored(self: &Arc<Self>, call: &Call, query_id: &[u8]) -> Result<FlightBody, Failure> {
        let id = QueryId::from_bytes(query_id).unwrap_or_else(QueryId::random);
        let spool = self.results.find(id, &call.session.principal)?;
        let (sender, receiver) = mpsc::channel(FRAMES_AHEAD);
        let executor = Arc::clone(self);
        tokio::spawn(async move {
            if serve_spool(&spool, &sender).await {
                executor.results.forget(id);
            }
        });
        Ok(FlightBody::new(receiver))
    }

    /// Makes frames as the client takes them, until the result ends, fails, or the client goes.
    async fn produce(
        &self,
        query: RunningQuery,
        mut cursor: Cursor,
        session: Option<Arc<PinnedSession>>,
        sender: mpsc::Sender<Delivery>,
    ) {
        loop {
            tokio::select! {
                // The client is gone when there will never be room; dropping the cursor ends the statement.
                room = sender.reserve() => if room.is_err() { return },
                () = asked_to_make_way(session.as_deref()) => {
                    return self.make_way(query, cursor, &sender).await;
                }
            }
            let frames = sender.clone();
            let more = blocking(&query, cursor, move |cursor: &mut Cursor| fill(cursor, &frames));
            let outcome = tokio::select! {
                outcome = more => outcome,
                // Dropping `more` interrupts DuckDB.
                () = sender.closed() => return,
            };
            let end = match outcome {
                Ok((rest, More::Perhaps)) => {
                    cursor = rest;
                    continue;
                }
                Ok((rest, More::No)) => {
                    drop(rest);
                    Ok(())
                }
                Err(failure) => Err(failure),
            };
            let _ = sender.send(Delivery::End(end)).await;
            return;
        }
    }

    /// Reads the rest of the result into a spool, so that the session's next statement can have the connection.
    async fn make_way(&self, query: RunningQuery, cursor: Cursor, sender: &mpsc::Sender<Delivery>) {
        let space = self.space.clone();
        let drain = blocking(&query, cursor, move |cursor: &mut Cursor| cursor.drain(&space));
        let outcome = tokio::select! {
            outcome = drain => outcome,
            () = sender.closed() => return,
        };
        match outcome {
            Ok((cursor, spool)) => {
                drop(cursor);
                serve_spool(&spool, sender).await;
            }
            Err(failure) => {
                let _ = sender.send(Delivery::End(Err(failure))).await;
            }
        }
    }
}

/// Refuses to run the statement of a ticket where the call may only plan; a plan may be shown.
fn check_room(call: &Call, sql: &str) -> Result<(), Failure> {
    if Statement::read(sql).shows_plan() { Ok(()) } else { call.room.check() }
}

/// The first frames of a result.
pub(super) fn first_frames(cursor: &mut Cursor) -> Result<Vec<Frame>, Failure> {
    let mut frames = Vec::with_capacity(FIRST_FRAMES);
    while frames.len() < FIRST_FRAMES
        && let Some(frame) = cursor.next_frame()?
    {
        frames.push(frame);
    }
    Ok(frames)
}

/// Whether a result has more frames.
enum More {
    Perhaps,
    No,
}

/// Makes frames for as long as there is room for them: a thread that goes on costs less than one that is woken for each.
fn fill(cursor: &mut Cursor, sender: &mpsc::Sender<Delivery>) -> Result<More, Failure> {
    while let Ok(room) = sender.try_reserve() {
        match cursor.next_frame()? {
            Some(frame) => room.send(Delivery::Frame(frame)),
            None => return Ok(More::No),
        }
    }
    Ok(More::Perhaps)
}

async fn asked_to_make_way(session: Option<&PinnedSession>) {
    match session {
        Some(session) => session.asked_to_make_way().await,
        None => std::future::pending().await,
    }
}

/// Sends the frames of a spool; says whether all were taken.
async fn serve_spool(spool: &Spool, sender: &mpsc::Sender<Delivery>) -> bool {
    for index in 0.. {
        let delivery = match spool.frame(index) {
            Some(Ok(frame)) => Delivery::Frame(frame),
            Some(Err(failure)) => Delivery::End(Err(failure)),
            None => Delivery::End(Ok(())),
        };
        let is_end = matches!(delivery, Delivery::End(_));
        let is_whole = matches!(delivery, Delivery::End(Ok(())));
        if sender.send(delivery).await.is_err() {
            return false;
        }
        if is_end {
            return is_whole;
        }
    }
    false
}

impl FlightBody {
    /// The frames of a spool that nobody else will fetch.
    pub(super) fn of_spool(spool: Spool) -> Self {
        let (sender, receiver) = mpsc::channel(FRAMES_AHEAD);
        tokio::spawn(async move { serve_spool(&spool, &sender).await });
        Self::new(receiver)
    }
}

/// Frames of metadata or other small results that are whole already.
pub(crate) fn whole_body(frames: Vec<Frame>) -> FlightBody {
    let (sender, receiver) = mpsc::channel(frames.len() + 1);
    for frame in frames {
        let _ = sender.try_send(Delivery::Frame(frame));
    }
    let _ = sender.try_send(Delivery::End(Ok(())));
    FlightBody::new(receiver)
}
