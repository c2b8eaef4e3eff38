//! One client's session: requests in order, one reply each.
//!
//! The frontend keeps what belongs to the protocol (statements, portals, settings, whether a transaction is open or has failed)
//! and the gateway what belongs to the data. Each statement is planned ([`plan`]: split, classified, translated), then either
//! acted on here ([`utility`], [`transaction`], [`cursor`], [`copy`]) or sent to the gateway and its rows encoded as
//! they come ([`run`]). While one runs, the client's socket is watched: when it closes, the statement ends.

mod arrays;
mod copy;
mod cursor;
mod describe;
mod effects;
mod extended;
mod notices;
mod plan;
mod portal;
mod run;
mod simple;
mod transaction;
mod utility;

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use tavana_daemon::drain::Drain;
use tokio::sync::OwnedSemaphorePermit;

use crate::activity::Presence;
use crate::cancel::Cancel;
use crate::error::{PgError, Severity};
use crate::flight;
use crate::message::{MessageError, Request, Status};
use crate::settings::Settings;
use crate::stream::{Stream, StreamError};
use extended::Prepared;
use portal::Portal;

/// How long a session may be silent until the gateway is told that it lives: its token, which is renewed then, and what it
/// holds on a worker last as long as the client is connected.
const KEEP_ALIVE: Duration = Duration::from_secs(240);

/// What a session may hold.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of one message.
    pub message_bytes: usize,
    /// Prepared statements and portals, each.
    pub names: usize,
}

/// A session whose client is logged in.
pub struct Session {
    stream: Stream,
    flight: flight::Session,
    settings: Settings,
    cancel: Cancel,
    presence: Presence,
    /// Its place in the server.
    _place: OwnedSemaphorePermit,
    limits: Limits,
    status: Status,
    /// The transaction is ours, around statements that were sent together; the client did not begin it.
    implicit: bool,
    /// The transaction only reads.
    read_only: bool,
    /// A statement may have set storage credentials.
    may_have_credentials: bool,
    /// Names of savepoints, each with whether anything was written since.
    savepoints: Vec<(String, bool)>,
    /// A statement failed in this batch of the extended protocol: the rest is skipped up to its `Sync`.
    skipping: bool,
    /// The request under way is of the extended protocol, in which rows come without their description.
    in_extended: bool,
    prepared: HashMap<String, Prepared>,
    portals: HashMap<String, Portal>,
}

/// Why a statement stopped.
enum Stop {
    /// It failed; the session goes on.
    Failed(Box<PgError>),
    /// The session ends.
    Lost(StreamError),
}

impl From<PgError> for Stop {
    fn from(error: PgError) -> Self {
        Self::Failed(Box::new(error))
    }
}

impl From<StreamError> for Stop {
    fn from(error: StreamError) -> Self {
        Self::Lost(error)
    }
}

impl Session {
    /// A session over `stream`, with its gateway session and its settings.
    pub fn new(
        stream: Stream,
        flight: flight::Session,
        settings: Settings,
        (cancel, presence): (Cancel, Presence),
        place: OwnedSemaphorePermit,
        limits: Limits,
    ) -> Self {
        Self {
            stream,
            flight,
            settings,
            _place: place,
            cancel,
            presence,
            limits,
            status: Status::Idle,
            implicit: false,
            read_only: false,
            may_have_credentials: false,
            savepoints: Vec::new(),
            skipping: false,
            in_extended: false,
            prepared: HashMap::new(),
            portals: HashMap::new(),
        }
    }

    /// Serves the client until it leaves, breaks the protocol, or idles too long.
    pub async fn serve(mut self, drain: Drain) {
        self.stream.reply.ready(self.status);
        let end = loop {
            match self.turn(&drain).await {
                Ok(true) => {}
                Ok(false) => break None,
                Err(error) => break Some(error),
            }
        };
        // Rows that nobody reads any more end before their session does.
        self.portals.clear();
        if let Some(StreamError::Message(error)) = &end {
            self.stream.reply.error(&error.clone().into());
        }
        self.flight.close().await;
        self.stream.close().await;
    }

    /// One request; `false` when it was the last.
    async fn turn(&mut self, drain: &Drain) -> Result<bool, StreamError> {
        let Some((kind, body)) = self.wait(drain).await? else { return Ok(false) };
        let request = match Request::read(kind, body) {
            Ok(request) => request,
            // The message was whole, so the next one is found.
            Err(error @ MessageError::Encoding) => {
                self.skipping = kind != b'Q';
                self.fail(PgError::new(error.sqlstate(), error.to_string())).await?;
                if kind == b'Q' {
                    self.stream.reply.ready(self.status);
                }
                return Ok(true);
            }
            Err(error) => return Err(error.into()),
        };
        if self.skipping && !matches!(request, Request::Sync | Request::Terminate) {
            return Ok(true);
        }
        match request {
            Request::Terminate => return Ok(false),
            Request::Query(text) => {
                self.presence.begin(&text, &self.settings);
                self.simple(&text).await?;
                self.presence.rest(self.status, &self.settings);
            }
            Request::Sync => {
                self.sync().await?;
                self.presence.rest(self.status, &self.settings);
            }
            Request::Flush => self.stream.flush().await?,
            // Left over from a copy that ended early.
            Request::CopyData(_) | Request::CopyDone | Request::CopyFail(_) => {}
            Request::FunctionCall => {
                let error = PgError::new("0A000", "function calls by OID are not supported; use SELECT");
                self.fail(error).await?;
                self.stream.reply.ready(self.status);
            }
            request => match self.extended(request).await {
                Ok(()) => {}
                Err(Stop::Failed(error)) => {
                    self.skipping = true;
                    self.fail(*error).await?;
                }
                Err(Stop::Lost(error)) => return Err(error),
            },
        }
        self.stream.flush_if_large().await?;
        Ok(true)
    }

    /// Waits for the next message; none when the client was told why there will be no more.
    async fn wait(&mut self, drain: &Drain) -> Result<Option<(u8, Bytes)>, StreamError> {
        if !self.stream.has_message() {
            self.stream.flush().await?;
        }
        let limit = idle_limit(&self.settings, self.status);
        let idle = async {
            match limit {
                Some((limit, state, message)) => {
                    tokio::time::sleep(limit).await;
                    PgError::fatal(state, message)
                }
                None => std::future::pending().await,
            }
        };
        tokio::pin!(idle);
        loop {
            let told = tokio::select! {
                biased;
                message = self.stream.next(self.limits.message_bytes) => return Ok(Some(message?)),
                error = &mut idle => error,
                () = self.cancel.terminated() => {
                    PgError::fatal("57P01", "terminating connection due to administrator command")
                }
                () = drain.requested() => PgError::fatal("57P01", "terminating connection due to administrator command"),
                // A transaction that idles is the worker's to end.
                () = tokio::time::sleep(KEEP_ALIVE), if self.status == Status::Idle => match self.flight.keep_alive().await {
                    Ok(()) => continue,
                    Err(error) if error.severity == Severity::Fatal => error,
                    // A gateway that cannot be reached now may be back for the next statement.
                    Err(_) => continue,
                },
            };
            self.stream.reply.error(&told);
            return Ok(None);
        }
    }

    /// Tells of a failure and what it does to the transaction.
    async fn fail(&mut self, error: PgError) -> Result<(), StreamError> {
        self.stream.reply.error(&error);
        if error.severity == Severity::Fatal {
            return Err(StreamError::Ended);
        }
        if self.status == Status::Transaction {
            self.status = Status::Failed;
            if self.implicit {
                self.end_implicit().await?;
            }
        }
        Ok(())
    }
}

/// How long the client may be silent now, and what it is told after that.
fn idle_limit(settings: &Settings, status: Status) -> Option<(Duration, &'static str, &'static str)> {
    match status {
        Status::Idle => settings
            .time("idle_session_timeout")
            .map(|limit| (limit, "57P05", "terminating connection due to idle-session timeout")),
        Status::Transaction | Status::Failed => settings
            .time("idle_in_transaction_session_timeout")
            .map(|limit| (limit, "25P03", "terminating connection due to idle-in-transaction timeout")),
    }
}
