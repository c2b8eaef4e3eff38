//! Transactions: those of clients, and those around statements that were sent together.
//!
//! DuckDB has no savepoints, and goes on after some errors where PostgreSQL does not. So the state of a transaction is kept
//! here. `SAVEPOINT` is accepted, and going back to one works as long as nothing was written since.

use super::plan::Plan;
use super::run::{Answer, Bounds, watched};
use super::{Session, Stop};
use crate::error::PgError;
use crate::message::Status;
use crate::stream::StreamError;
use crate::translate::{Command, TransactionMode};

impl Session {
    /// Acts on a statement that is about transactions.
    pub(super) async fn transact(&mut self, plan: &Plan, bounds: &Bounds) -> Result<Option<Answer>, Stop> {
        let tag = match &plan.command {
            Command::Begin(mode) => {
                self.begin(*mode, bounds).await?;
                let is_start = plan.source.get(..5).is_some_and(|word| word.eq_ignore_ascii_case("start"));
                if is_start { "START TRANSACTION" } else { "BEGIN" }
            }
            Command::Commit { chain } => self.commit(*chain, bounds).await?,
            Command::Rollback { chain } => {
                self.end(false, *chain, bounds).await?;
                "ROLLBACK"
            }
            Command::Savepoint(name) => {
                self.needs_transaction("SAVEPOINT")?;
                self.savepoints.push((name.clone(), false));
                "SAVEPOINT"
            }
            Command::Release(name) => {
                self.needs_transaction("RELEASE SAVEPOINT")?;
                let at = self.savepoint(name)?;
                // What was written since then counts for the savepoints before it.
                let written = self.savepoints.drain(at..).any(|(_, written)| written);
                if written && let Some((_, before)) = self.savepoints.last_mut() {
                    *before = true;
                }
                "RELEASE"
            }
            Command::RollbackTo(name) => {
                self.needs_transaction("ROLLBACK TO SAVEPOINT")?;
                let at = self.savepoint(name)?;
                if self.savepoints[at..].iter().any(|(_, written)| *written) {
                    let message =
                        "something was written since this savepoint, and a part of a transaction cannot be undone";
                    return Err(PgError::new("0A000", message).with_hint("Roll back the whole transaction.").into());
                }
                self.savepoints.truncate(at + 1);
                self.status = Status::Transaction;
                "ROLLBACK"
            }
            Command::SetTransaction { session, mode } => {
                match (mode.read_only, session) {
                    (Some(read_only), true) => {
                        let value = if read_only { "on" } else { "off" };
                        self.settings.set("default_transaction_read_only", Some(value), false)?;
                    }
                    (Some(read_only), false) => self.read_only = read_only,
                    (None, _) => {}
                }
                "SET"
            }
            _ => return Ok(None),
        };
        Ok(Some(Answer::Done(tag.to_owned())))
    }

    async fn begin(&mut self, mode: TransactionMode, bounds: &Bounds) -> Result<(), Stop> {
        if self.implicit {
            // What was begun for statements sent together is now the client's.
            self.implicit = false;
        } else if self.status == Status::Idle {
            let read_only = mode.read_only == Some(true) || self.settings.is_on("default_transaction_read_only");
            self.start(read_only, bounds).await?;
        } else {
            self.stream.reply.error(&PgError::warning("25001", "there is already a transaction in progress"));
        }
        Ok(())
    }

    async fn start(&mut self, read_only: bool, bounds: &Bounds) -> Result<(), Stop> {
        let sql = if read_only { "BEGIN TRANSACTION READ ONLY" } else { "BEGIN TRANSACTION" };
        self.command(sql, bounds).await?;
        self.settings.begin();
        self.status = Status::Transaction;
        self.read_only = read_only;
        Ok(())
    }

    /// Runs a statement of our own.
    async fn command(&mut self, sql: &str, bounds: &Bounds) -> Result<(), Stop> {
        let outcome = watched(&mut self.stream, bounds, self.flight.run(sql, None)).await?;
        outcome.map(|_| ()).map_err(|status| PgError::from_status(&status, None).into())
    }

    async fn commit(&mut self, chain: bool, bounds: &Bounds) -> Result<&'static str, Stop> {
        let committed = self.status != Status::Failed;
        self.end(committed, chain, bounds).await?;
        Ok(if committed { "COMMIT" } else { "ROLLBACK" })
    }

    /// Ends the transaction.
    async fn end(&mut self, commit: bool, chain: bool, bounds: &Bounds) -> Result<(), Stop> {
        if self.status == Status::Idle {
            self.stream.reply.error(&PgError::warning("25P01", "there is no transaction in progress"));
            return Ok(());
        }
        let ended = match commit {
            true => match self.hold_cursors(bounds).await {
                Ok(()) => self.command("COMMIT", bounds).await,
                Err(stop) => {
                    self.command("ROLLBACK", bounds).await?;
                    Err(stop)
                }
            },
            false => {
                self.portals.retain(|_, portal| portal.hold && portal.is_kept());
                self.command("ROLLBACK", bounds).await
            }
        };
        self.ended(commit && ended.is_ok()).await?;
        ended?;
        if chain {
            self.start(false, bounds).await?;
        }
        Ok(())
    }

    /// The transaction is over: its settings, cursors and savepoints go.
    async fn ended(&mut self, committed: bool) -> Result<(), Stop> {
        self.status = Status::Idle;
        (self.implicit, self.read_only) = (false, false);
        self.savepoints.clear();
        let before = self.settings.clone();
        self.settings.end(committed);
        self.apply_settings(before).await
    }

    /// Begins a transaction around statements that were sent together, unless there is one.
    pub(super) async fn begin_implicit(&mut self, bounds: &Bounds) -> Result<(), Stop> {
        if self.status == Status::Idle {
            self.start(false, bounds).await?;
            self.implicit = true;
        }
        Ok(())
    }

    /// Commits a transaction of ours.
    pub(super) async fn commit_implicit(&mut self) -> Result<(), Stop> {
        let bounds = self.bounds();
        self.end(true, false, &bounds).await
    }

    /// Ends a transaction of ours after a failure.
    pub(super) async fn end_implicit(&mut self) -> Result<(), StreamError> {
        let bounds = self.bounds();
        match self.end(false, false, &bounds).await {
            // It is over either way; what failed first was told.
            Ok(()) | Err(Stop::Failed(_)) => Ok(()),
            Err(Stop::Lost(error)) => Err(error),
        }
    }

    fn needs_transaction(&self, what: &str) -> Result<(), PgError> {
        if self.status == Status::Idle || self.implicit {
            return Err(PgError::new("25P01", format!("{what} can only be used in transaction blocks")));
        }
        Ok(())
    }

    /// The place of the newest savepoint of this name.
    fn savepoint(&self, name: &str) -> Result<usize, PgError> {
        let at = self.savepoints.iter().rposition(|(known, _)| known == name);
        at.ok_or_else(|| PgError::new("3B001", format!("savepoint \"{name}\" does not exist")))
    }
}
