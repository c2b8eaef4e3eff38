//! Running a statement, and sending its rows as they come.

use std::borrow::Cow;
use std::future::Future;
use std::sync::Arc;

use arrow::array::RecordBatch;
use tavana_wire::may_hold_credentials;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::Status as GrpcStatus;

use super::plan::Plan;
use super::portal::{Feed, Gateway, Own, Source};
use super::{Session, Stop};
use crate::encode::Format;
use crate::error::PgError;
use crate::flight::Outcome;
use crate::message::Status;
use crate::stream::{FLUSH_BYTES, Stream};
use crate::translate::{Command, Spare};

/// The current catalog, when it is a DuckLake.
const CURRENT_LAKE: &str =
    "SELECT 1 FROM duckdb_databases() WHERE type = 'ducklake' AND database_name = system.main.current_database()";

/// What a statement came to.
pub(super) enum Answer {
    /// Rows to send, and the statement whose tag ends them.
    Rows(Source, Arc<Plan>),
    /// It is done: its tag.
    Done(String),
    /// It has said all itself, its tag too.
    Said,
}

/// When a statement must stop.
#[derive(Clone)]
pub(super) struct Bounds {
    cancel: CancellationToken,
    deadline: Option<Instant>,
}

impl Bounds {
    /// Resolves when the statement is cancelled.
    pub(super) async fn cancelled(&self) {
        self.cancel.cancelled().await;
    }

    /// Whether it is cancelled already.
    pub(super) fn is_cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }
}

/// How far rows were sent.
pub(super) struct Sent {
    /// How many.
    pub(super) rows: u64,
    /// The limit was reached; there may be more.
    pub(super) more: bool,
}

impl Session {
    /// The bounds of a statement that begins now.
    pub(super) fn bounds(&self) -> Bounds {
        let deadline = self.settings.time("statement_timeout").map(|limit| Instant::now() + limit);
        Bounds { cancel: self.cancel.begin(), deadline }
    }

    /// Runs a statement, whatever it is.
    pub(super) async fn execute(
        &mut self,
        plan: &Arc<Plan>,
        parameters: Option<&RecordBatch>,
        formats: &[Format],
        bounds: &Bounds,
    ) -> Result<Answer, Stop> {
        if self.status == Status::Failed && !ends_transaction(&plan.command) {
            let message = "current transaction is aborted, commands ignored until end of transaction block";
            return Err(PgError::new("25P02", message).into());
        }
        if plan.writes() && self.is_read_only() {
            let message = format!("cannot execute {} in a read-only transaction", plan.command.tag());
            return Err(PgError::new("25006", message).into());
        }
        self.may_have_credentials |= may_hold_credentials(&plan.source);
        if let Some(answer) = self.act(plan, parameters, formats, bounds).await? {
            return Ok(answer);
        }
        if plan.ignored {
            return Ok(Answer::Done(plan.tag(0)));
        }
        self.make_configs(plan, parameters).await?;
        let outcome = self.send(plan, parameters, bounds).await?;
        match (outcome, &plan.command) {
            // It was there already.
            (Outcome::Changed(-1), Command::CreateTableAs) => Ok(Answer::Done("CREATE TABLE AS".to_owned())),
            (Outcome::Changed(rows), _) => Ok(Answer::Done(plan.tag(u64::try_from(rows).unwrap_or(0)))),
            (Outcome::Rows(mut rows), Command::Explain { .. }) => {
                let mut lines = Own::new(&["QUERY PLAN"]);
                while let Some(batch) = watched(&mut self.stream, bounds, rows.next()).await?.map_err(failed(plan))? {
                    explain_lines(&batch, &mut lines);
                }
                Ok(Answer::Rows(Source::Own(lines), Arc::clone(plan)))
            }
            (Outcome::Rows(rows), _) => {
                let source = match plan.effects.signal {
                    Some(signal) => self.send_signals(plan, signal, rows, formats, bounds).await?,
                    None => {
                        let rows = if plan.bare { rows.without_columns() } else { rows };
                        let gateway = Gateway::new(rows, plan, formats, self.settings.text.clone());
                        gateway.map(|gateway| Source::Gateway(Box::new(gateway)))
                    }
                };
                let source = source.ok_or_else(|| {
                    PgError::new(
                        "08P01",
                        "bind message has another number of result formats than the query has columns",
                    )
                })?;
                Ok(Answer::Rows(source, Arc::clone(plan)))
            }
        }
    }

    /// Whether a statement that runs now may not write.
    pub(super) fn is_read_only(&self) -> bool {
        self.read_only || self.status == Status::Idle && self.settings.is_on("default_transaction_read_only")
    }

    /// Sends a statement to the gateway, without what a DuckLake has no place for when its tables would be there.
    pub(super) async fn send(
        &mut self,
        plan: &Plan,
        parameters: Option<&RecordBatch>,
        bounds: &Bounds,
    ) -> Result<Outcome, Stop> {
        let Some(spare) = plan.spare else { return self.send_whole(plan, parameters, bounds).await };
        if !self.is_in_lake(bounds).await? {
            return self.send_whole(plan, parameters, bounds).await;
        }
        match spare {
            Spare::Lengths => {
                self.stream.reply.error(&PgError::notice("a DuckLake does not check the lengths of varchar and char"));
                let plan = plan.without_lengths(&self.settings)?;
                self.send_whole(&plan, parameters, bounds).await
            }
            Spare::Index => {
                self.stream.reply.error(&PgError::notice("a DuckLake has no indexes, skipping"));
                Ok(Outcome::Changed(-1))
            }
        }
    }

    /// Whether unqualified names mean tables of a DuckLake.
    async fn is_in_lake(&mut self, bounds: &Bounds) -> Result<bool, Stop> {
        let asked = watched(&mut self.stream, bounds, self.flight.collect(CURRENT_LAKE, None)).await?;
        let rows = asked.map_err(|status| PgError::from_status(&status, None))?;
        Ok(rows.iter().any(|batch| batch.num_rows() > 0))
    }

    /// Sends all statements of a plan to the gateway.
    async fn send_whole(
        &mut self,
        plan: &Plan,
        parameters: Option<&RecordBatch>,
        bounds: &Bounds,
    ) -> Result<Outcome, Stop> {
        let own = plan.first.is_empty() && plan.then.is_empty();
        if !own {
            self.begin_implicit(bounds).await?;
        }
        for sql in &plan.first {
            watched(&mut self.stream, bounds, self.flight.run(sql, None)).await?.map_err(failed(plan))?;
        }
        let sql = match plan.asks_session {
            true => self.presence.fill(&plan.sql, &self.settings),
            false => Cow::Borrowed(plan.sql.as_str()),
        };
        let outcome = self.send_text(&sql, parameters, bounds).await?;
        let outcome = self.excuse(plan, 0, outcome)?;
        for (sql, part) in plan.then.iter().zip(1..) {
            let told = watched(&mut self.stream, bounds, self.flight.run(sql, None)).await?;
            self.excuse(plan, part, told)?;
        }
        if plan.may_write() {
            self.savepoints.iter_mut().for_each(|(_, written)| *written = true);
        }
        Ok(outcome)
    }

    /// Turns a failure that the statement puts up with into a notice.
    fn excuse(&mut self, plan: &Plan, part: usize, told: Result<Outcome, GrpcStatus>) -> Result<Outcome, Stop> {
        let status = match told {
            Ok(outcome) => return Ok(outcome),
            Err(status) => status,
        };
        let error = PgError::from_status(&status, Some(plan.sent()));
        match plan.excused(&error, part) {
            Some(notice) => {
                self.stream.reply.error(&notice);
                Ok(Outcome::Changed(-1))
            }
            None => Err(error.into()),
        }
    }

    /// Sends up to `max` rows of a source, all of them without a limit.
    pub(super) async fn send_rows(
        &mut self,
        source: &mut Source,
        plan: &Plan,
        max: Option<u64>,
        bounds: &Bounds,
    ) -> Result<Sent, Stop> {
        let mut sent = Sent { rows: 0, more: false };
        let mut left = max.unwrap_or(u64::MAX);
        match source {
            Source::Own(own) => {
                while left > 0 {
                    let Some(row) = own.rows.pop_front() else { return Ok(sent) };
                    let row: Vec<Option<&str>> = row.iter().map(Option::as_deref).collect();
                    self.stream.reply.text_row(&row);
                    self.stream.flush_if_large().await?;
                    (sent.rows, left) = (sent.rows + 1, left - 1);
                }
            }
            Source::Gateway(gateway) => {
                while left > 0 {
                    if !fill(&mut self.stream, gateway, plan, bounds).await? {
                        return Ok(sent);
                    }
                    let Some(batch) = &gateway.batch else { return Ok(sent) };
                    let end =
                        batch.num_rows().min(gateway.at.saturating_add(usize::try_from(left).unwrap_or(usize::MAX)));
                    let start = gateway.at;
                    let buffer = &mut self.stream.reply.buffer;
                    gateway.at =
                        gateway.encoder.encode(batch, start..end, buffer, FLUSH_BYTES).map_err(PgError::from)?;
                    let rows = (gateway.at - start) as u64;
                    (sent.rows, left) = (sent.rows + rows, left - rows);
                    self.stream.flush_if_large().await?;
                    if bounds.is_cancelled() {
                        return Err(cancelled().into());
                    }
                }
            }
        }
        sent.more = true;
        Ok(sent)
    }

    /// Skips up to `max` rows of a source.
    pub(super) async fn skip_rows(
        &mut self,
        source: &mut Source,
        plan: &Plan,
        max: u64,
        bounds: &Bounds,
    ) -> Result<u64, Stop> {
        let mut skipped = 0;
        while skipped < max {
            match source {
                Source::Own(own) => {
                    if own.rows.pop_front().is_none() {
                        break;
                    }
                    skipped += 1;
                }
                Source::Gateway(gateway) => {
                    if !fill(&mut self.stream, gateway, plan, bounds).await? {
                        break;
                    }
                    let rows = gateway.batch.as_ref().map_or(0, RecordBatch::num_rows);
                    let step = (rows - gateway.at).min(usize::try_from(max - skipped).unwrap_or(usize::MAX));
                    gateway.at += step;
                    skipped += step as u64;
                }
            }
        }
        Ok(skipped)
    }

    /// Reads the rest of a source's rows, so that they stay when what they come from is gone.
    pub(super) async fn keep_rows(&mut self, source: &mut Source, plan: &Plan, bounds: &Bounds) -> Result<(), Stop> {
        let Source::Gateway(gateway) = source else { return Ok(()) };
        let Feed::Live(rows) = &mut gateway.rows else { return Ok(()) };
        let (mut kept, mut bytes) = (std::collections::VecDeque::new(), 0);
        while let Some(batch) = watched(&mut self.stream, bounds, rows.next()).await?.map_err(failed(plan))? {
            bytes += batch.get_array_memory_size();
            if bytes > MAX_KEPT_BYTES {
                let message = format!("the rows of a cursor that must be kept have more than {MAX_KEPT_BYTES} bytes");
                return Err(PgError::new("54000", message).with_hint("Put them into a temporary table.").into());
            }
            kept.push_back(batch);
        }
        gateway.rows = Feed::Kept(kept);
        Ok(())
    }
}

/// Bytes of rows that one cursor may keep in the frontend.
const MAX_KEPT_BYTES: usize = 64 << 20;

/// Makes sure that there is a batch with rows left; `false` at the end of the result.
async fn fill(stream: &mut Stream, gateway: &mut Gateway, plan: &Plan, bounds: &Bounds) -> Result<bool, Stop> {
    while gateway.batch.as_ref().is_none_or(|batch| gateway.at >= batch.num_rows()) {
        gateway.batch = match &mut gateway.rows {
            Feed::Live(rows) => watched(stream, bounds, rows.next()).await?.map_err(failed(plan))?,
            Feed::Kept(kept) => kept.pop_front(),
        };
        gateway.at = 0;
        if gateway.batch.is_none() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Waits for the gateway while the client may leave, cancel, or run out of time. Dropping the wait ends the statement.
pub(super) async fn watched<T>(
    stream: &mut Stream,
    bounds: &Bounds,
    wait: impl Future<Output = Result<T, GrpcStatus>>,
) -> Result<Result<T, GrpcStatus>, Stop> {
    let timeout = async {
        match bounds.deadline {
            Some(deadline) => tokio::time::sleep_until(deadline).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        () = bounds.cancel.cancelled() => Err(cancelled().into()),
        outcome = wait => Ok(outcome),
        error = stream.gone() => Err(error.into()),
        () = timeout => Err(PgError::new("57014", "canceling statement due to statement timeout").into()),
    }
}

/// What a status means to the client of this plan.
pub(super) fn failed(plan: &Plan) -> impl Fn(GrpcStatus) -> Stop + '_ {
    move |status| PgError::from_status(&status, Some(plan.sent())).into()
}

pub(super) fn cancelled() -> PgError {
    PgError::new("57014", "canceling statement due to user request")
}

fn ends_transaction(command: &Command) -> bool {
    matches!(command, Command::Commit { .. } | Command::Rollback { .. } | Command::RollbackTo(_))
}

/// DuckDB's plans are texts of several lines in the second column.
fn explain_lines(batch: &RecordBatch, lines: &mut Own) {
    use arrow::array::{Array as _, AsArray as _};
    let texts = batch.column(batch.num_columns() - 1);
    let Some(texts) = texts.as_string_opt::<i32>() else { return };
    for row in (0..texts.len()).filter(|&row| texts.is_valid(row)) {
        texts.value(row).lines().for_each(|line| lines.push(&[line]));
    }
}
