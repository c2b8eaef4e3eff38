//! The simple protocol: a text of statements, all or none of which take effect.

use std::sync::Arc;

use super::plan::{Plan, split};
use super::run::{Answer, Bounds};
use super::{Session, Stop};
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
        if several {
            // PostgreSQL parses all of the text before anything of it runs.
            for range in &ranges {
                Plan::new(text, range.clone(), &self.settings)?.check_beginning()?;
            }
        }
        for range in ranges {
            // One after the other: a SET changes how the next is read.
            let plan = Arc::new(Plan::new(text, range, &self.settings)?);
            if several && plan.may_write() {
                self.begin_implicit(&bounds).await?;
            }
            self.statement(&plan, &bounds).await?;
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
