//! The simple protocol: a text of statements, all or none of which take effect.

use std::sync::Arc;

use super::plan::{Plan, split};
use super::run::{Answer, Bounds, failed, watched};
use super::{Session, Stop};
use crate::error::PgError;
use crate::flight::Description;
use crate::message::Status;
use crate::stream::StreamError;
use crate::translate::Command;

impl Session {
    /// Runs a text of statements.
    pub(super) async fn simple(&mut self, text: &str) -> Result<(), StreamError> {
        self.in_extended = false;
        // The simple protocol uses the nameless ones itself.
        self.prepared.remove("");
        if self.status != Status::Failed {
            self.portals.remove("");
        }
        let outcome = self.statements(text).await;
        let outcome = match outcome {
            Ok(()) if self.implicit => self.commit_implicit().await,
            other => other,
        };
        match outcome {
            Ok(()) => {}
            Err(Stop::Failed(error)) => self.fail(*error).await?,
            Err(Stop::Lost(error)) => return Err(error),
        }
        if self.status == Status::Idle {
            self.end_portals();
        }
        self.stream.reply.ready(self.status);
        Ok(())
    }

    async fn statements(&mut self, text: &str) -> Result<(), Stop> {
        let ranges = split(text, &self.settings)?;
        if ranges.is_empty() {
            self.stream.reply.bare(b'I');
            return Ok(());
        }
        let bounds = self.bounds();
        let several = ranges.len() > 1;
        let mut plans = Vec::with_capacity(ranges.len());
        let (mut before, mut counted) = (0, 0);
        for range in ranges {
            before += text[counted..range.start].chars().count();
            counted = range.start;
            plans.push(Plan::behind(before, &text[range], &self.settings)?);
        }
        // A mistake in a later statement is found before the first runs. The first one's own is found when it runs.
        if plans.iter().skip(1).any(Plan::is_run) {
            self.check_syntax(&plans, &bounds).await?;
        }
        let mut is_set = false;
        for plan in plans {
            // A SET changes how the next is read.
            let plan = if is_set { plan.again(&self.settings)? } else { plan };
            is_set |= matches!(plan.command, Command::Set { .. } | Command::Reset(_) | Command::Discard(_));
            let plan = Arc::new(self.with_arrays(plan, &bounds).await?);
            if several && plan.may_write() {
                self.begin_implicit(&bounds).await?;
            }
            self.statement(&plan, &bounds).await?;
        }
        Ok(())
    }

    /// Finds the first statement that DuckDB cannot parse; runs nothing.
    pub(super) async fn check_syntax(&mut self, plans: &[Plan], bounds: &Bounds) -> Result<(), Stop> {
        let run: Vec<&Plan> = plans.iter().filter(|plan| plan.is_run()).collect();
        if run.is_empty() {
            return Ok(());
        }
        let texts: Vec<&str> = run.iter().map(|plan| plan.sql.as_str()).collect();
        // Several are parsed and no more.
        let together = if texts.len() == 1 { format!("{}; SELECT 1", texts[0]) } else { texts.join(";\n") };
        if !is_syntax(&watched(&mut self.stream, bounds, self.flight.describe(&together)).await?) {
            return Ok(());
        }
        for plan in run {
            let told = watched(&mut self.stream, bounds, self.flight.describe(&plan.sql)).await?;
            if is_syntax(&told) {
                told.map_err(failed(plan))?;
            }
        }
        Ok(())
    }

    /// Runs one statement and sends all it has to say.
    pub(super) async fn statement(&mut self, plan: &Arc<Plan>, bounds: &Bounds) -> Result<(), Stop> {
        if plan.command == Command::Empty {
            self.stream.reply.bare(b'I');
            return Ok(());
        }
        match self.execute(plan, None, &[], bounds).await? {
            Answer::Said => {}
            Answer::Done(tag) => self.stream.reply.complete(&tag),
            Answer::Rows(mut source, plan) => {
                self.stream.reply.row_description(source.columns());
                let sent = self.send_rows(&mut source, &plan, None, bounds).await?;
                // The statement ends before its client is told so.
                drop(source);
                self.stream.reply.complete(&plan.tag(sent.rows));
            }
        }
        self.stream.flush_if_large().await?;
        Ok(())
    }
}

/// Whether a text was refused for its syntax.
fn is_syntax(told: &Result<Description, tonic::Status>) -> bool {
    told.as_ref().is_err_and(|status| PgError::from_status(status, None).sqlstate == "42601")
}
