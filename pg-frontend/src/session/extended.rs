//! The extended protocol: parse, bind, describe, execute.
//!
//! Statements and portals are kept under their names; what they have for parameters and columns is found by [`super::describe`].

use std::sync::Arc;

use arrow::datatypes::SchemaRef;

use super::describe::{Described, is_sent, returns_rows};
use super::plan::{Plan, split};
use super::portal::{Own, Portal, Source, State, columns};
use super::run::Answer;
use super::{Session, Stop};
use crate::decode;
use crate::encode::Format;
use crate::error::PgError;
use crate::message::{Bind, Column, Request, Status, Target};
use crate::stream::StreamError;
use crate::translate::Command;

/// A prepared statement.
pub(super) struct Prepared {
    pub(super) plan: Arc<Plan>,
    /// Types as the client gave them, 0 where it did not.
    pub(super) given: Vec<u32>,
    pub(super) described: Option<Described>,
}

impl Prepared {
    /// A statement prepared by SQL, with the names of its types.
    pub(super) fn new(plan: Plan, given: Vec<u32>) -> Self {
        Self { plan: Arc::new(plan), given, described: None }
    }

    /// How many parameters it has.
    pub(super) fn parameters(&self) -> usize {
        usize::from(self.plan.parameters).max(self.given.len())
    }
}

impl Session {
    /// One request of the extended protocol.
    pub(super) async fn extended(&mut self, request: Request) -> Result<(), Stop> {
        self.in_extended = true;
        match request {
            Request::Parse { name, sql, types } => self.parse(name, &sql, types).await,
            Request::Bind(bind) => self.bind(bind).await,
            Request::Describe(Target::Statement, name) => self.describe_statement(&name).await,
            Request::Describe(Target::Portal, name) => self.describe_portal(&name).await,
            Request::Execute { portal, max_rows } => self.execute_portal(&portal, max_rows).await,
            Request::Close(target, name) => {
                match target {
                    Target::Statement => drop(self.prepared.remove(&name)),
                    Target::Portal => drop(self.portals.remove(&name)),
                }
                self.stream.reply.bare(b'3');
                Ok(())
            }
            other => Err(PgError::new("08P01", format!("a message came where it does not belong: {other:?}")).into()),
        }
    }

    /// The end of a batch.
    pub(super) async fn sync(&mut self) -> Result<(), StreamError> {
        self.skipping = false;
        if self.implicit {
            let outcome = match self.status {
                Status::Failed => self.end_implicit().await.map_err(Stop::Lost),
                _ => self.commit_implicit().await,
            };
            match outcome {
                Ok(()) => {}
                Err(Stop::Failed(error)) => self.fail(*error).await?,
                Err(Stop::Lost(error)) => return Err(error),
            }
        }
        if self.status == Status::Idle {
            self.end_portals();
        }
        self.stream.reply.ready(self.status);
        Ok(())
    }

    async fn parse(&mut self, name: String, sql: &str, given: Vec<u32>) -> Result<(), Stop> {
        let ranges = split(sql, &self.settings)?;
        if ranges.len() > 1 {
            let message = "cannot insert multiple commands into a prepared statement";
            return Err(PgError::new("42601", message).into());
        }
        let range = ranges.into_iter().next().unwrap_or(0..0);
        let plan = Plan::new(sql, range, &self.settings)?;
        let bounds = self.bounds();
        if plan.command != Command::Empty
            && let Err(failed) = self.check_failed(&plan.command)
        {
            // PostgreSQL parses before it looks at the transaction.
            self.check_syntax(std::slice::from_ref(&plan), &bounds).await?;
            return Err(failed.into());
        }
        let plan = self.with_arrays(plan, &bounds).await?;
        self.keep_prepared(name.clone(), Prepared::new(plan, given))?;
        // What is wrong with a statement is told when it is prepared.
        if let Err(stop) = self.described(&name).await {
            self.prepared.remove(&name);
            return Err(stop);
        }
        self.stream.reply.bare(b'1');
        Ok(())
    }

    /// Keeps a statement under its name; only the nameless one may be replaced.
    pub(super) fn keep_prepared(&mut self, name: String, prepared: Prepared) -> Result<(), PgError> {
        if !name.is_empty() && self.prepared.contains_key(&name) {
            return Err(PgError::new("42P05", format!("prepared statement \"{name}\" already exists")));
        }
        if self.prepared.len() >= self.limits.names && !self.prepared.contains_key(&name) {
            let message = format!("the session has {} prepared statements, the limit", self.limits.names);
            return Err(PgError::new("54000", message).with_hint("Close some, or raise --pg-max-names."));
        }
        self.prepared.insert(name, prepared);
        Ok(())
    }

    /// In a failed transaction only what ends it is planned.
    fn check_failed(&self, command: &Command) -> Result<(), PgError> {
        let ends = matches!(command, Command::Commit { .. } | Command::Rollback { .. } | Command::RollbackTo(_));
        if self.status == Status::Failed && !ends {
            let message = "current transaction is aborted, commands ignored until end of transaction block";
            return Err(PgError::new("25P02", message));
        }
        Ok(())
    }

    pub(super) fn find_prepared(&self, name: &str) -> Result<&Prepared, PgError> {
        self.prepared.get(name).ok_or_else(|| match name {
            "" => PgError::new("26000", "unnamed prepared statement does not exist"),
            name => PgError::new("26000", format!("prepared statement \"{name}\" does not exist")),
        })
    }

    async fn bind(&mut self, bind: Bind) -> Result<(), Stop> {
        let prepared = self.find_prepared(&bind.statement)?;
        self.check_failed(&prepared.plan.command)?;
        let (values, wanted) = (bind.values.len(), prepared.parameters());
        if values != wanted {
            let message = format!(
                "bind message supplies {values} parameters, but prepared statement \"{}\" requires {wanted}",
                bind.statement
            );
            return Err(PgError::new("08P01", message).into());
        }
        let formats = formats(&bind.formats)?;
        let result_formats = self::formats(&bind.result_formats)?;
        let mut plan = Arc::clone(&prepared.plan);
        let mut parameters = None;
        // One format is for all columns, however many there are.
        if result_formats.len() > 1
            && let Some(rows) = self.described(&bind.statement).await?.rows
            && rows.fields().len() != result_formats.len()
        {
            return Err(wrong_formats(result_formats.len(), rows.fields().len()).into());
        }
        if values > 0 {
            let described = self.described(&bind.statement).await?;
            plan = described.plan;
            let batch = decode::parameters(&described.types, &formats, &bind.values, &self.settings.text);
            if batch.is_err() && bind.portal.is_empty() {
                // PostgreSQL makes the portal before it reads the values: an empty one is left.
                let empty = Plan::new("", 0..0, &self.settings)?;
                self.portals.insert(String::new(), Portal::new(Arc::new(empty), None, Vec::new()));
            }
            parameters = Some(batch.map_err(PgError::from)?);
        }
        if !bind.portal.is_empty() && self.portals.contains_key(&bind.portal) {
            return Err(PgError::new("42P03", format!("cursor \"{}\" already exists", bind.portal)).into());
        }
        let portal = Portal::new(plan, parameters, result_formats);
        self.keep_portal(bind.portal, portal)?;
        self.stream.reply.bare(b'2');
        Ok(())
    }

    /// Keeps a portal under its name.
    pub(super) fn keep_portal(&mut self, name: String, portal: Portal) -> Result<(), PgError> {
        if self.portals.len() >= self.limits.names && !self.portals.contains_key(&name) {
            let message = format!("the session has {} portals and cursors, the limit", self.limits.names);
            return Err(PgError::new("54000", message).with_hint("Close some, or raise --pg-max-names."));
        }
        self.portals.insert(name, portal);
        Ok(())
    }

    async fn describe_statement(&mut self, name: &str) -> Result<(), Stop> {
        let prepared = self.find_prepared(name)?;
        if returns_rows(&prepared.plan.command) {
            self.check_failed(&prepared.plan.command)?;
        }
        let described = self.described(name).await?;
        self.stream.reply.parameter_description(&described.types);
        self.tell_columns(&described.plan.clone(), described.rows.as_ref(), &[])
    }

    async fn describe_portal(&mut self, name: &str) -> Result<(), Stop> {
        let portal = self.find_portal(name)?;
        if returns_rows(&portal.plan.command) {
            self.check_failed(&portal.plan.command)?;
        }
        if let State::Open(source) = &portal.state {
            let columns = source.columns().to_vec();
            self.stream.reply.row_description(&columns);
            return Ok(());
        }
        let (plan, formats) = (Arc::clone(&portal.plan), portal.formats.clone());
        let rows = self.rows_of(&plan).await?;
        self.tell_columns(&plan, rows.as_ref(), &formats)
    }

    /// Tells the columns of a statement, or that it has none.
    fn tell_columns(&mut self, plan: &Plan, rows: Option<&SchemaRef>, formats: &[Format]) -> Result<(), Stop> {
        let own = own_columns(plan);
        let columns = match (&own, rows) {
            (Some(own), _) => Some(own.columns.clone()),
            (None, Some(schema)) => {
                Some(columns(schema, formats).ok_or_else(|| wrong_formats(formats.len(), schema.fields().len()))?)
            }
            (None, None) => self.cursor_columns(&plan.command, formats),
        };
        match columns {
            Some(columns) => self.stream.reply.row_description(&columns),
            None => self.stream.reply.bare(b'n'),
        }
        Ok(())
    }

    /// The columns that a `FETCH` gives.
    fn cursor_columns(&self, command: &Command, formats: &[Format]) -> Option<Vec<Column>> {
        let Command::Fetch { cursor, is_move: false, .. } = command else { return None };
        let State::Open(source) = &self.portals.get(cursor)?.state else { return None };
        let mut columns = source.columns().to_vec();
        let formats = Format::spread(formats, columns.len())?;
        columns.iter_mut().zip(formats).for_each(|(column, format)| column.format = format);
        Some(columns)
    }

    /// The schema of a plan's rows; of one that was described, as it was found then.
    async fn rows_of(&mut self, plan: &Arc<Plan>) -> Result<Option<SchemaRef>, Stop> {
        let known = self.prepared.values().filter_map(|prepared| prepared.described.as_ref());
        if let Some(described) = known.into_iter().find(|described| Arc::ptr_eq(&described.plan, plan)) {
            return Ok(described.rows.clone());
        }
        if !is_sent(plan) {
            return Ok(None);
        }
        let name =
            self.prepared.iter().find(|(_, prepared)| Arc::ptr_eq(&prepared.plan, plan)).map(|(name, _)| name.clone());
        if let Some(name) = name {
            return Ok(self.described(&name).await?.rows);
        }
        let bounds = self.bounds();
        Ok(self.ask(plan, &plan.sql, &bounds).await?.rows)
    }

    /// The plan of a prepared statement for values of a batch.
    pub(super) async fn prepared_plan(&mut self, name: &str) -> Result<Arc<Plan>, Stop> {
        Ok(match self.find_prepared(name)?.parameters() {
            0 => Arc::clone(&self.find_prepared(name)?.plan),
            _ => self.described(name).await?.plan,
        })
    }

    fn find_portal(&self, name: &str) -> Result<&Portal, PgError> {
        self.portals.get(name).ok_or_else(|| PgError::new("34000", format!("portal \"{name}\" does not exist")))
    }

    async fn execute_portal(&mut self, name: &str, max_rows: i32) -> Result<(), Stop> {
        self.find_portal(name)?;
        let Some(mut portal) = self.portals.remove(name) else { return Ok(()) };
        let ends = matches!(portal.plan.command, Command::Commit { .. } | Command::Rollback { .. });
        let outcome = self.run_portal(&mut portal, max_rows).await;
        // One that failed ends with its transaction, and so do all others.
        if ends {
            self.end_portals();
        } else if outcome.is_ok() || self.status != Status::Idle {
            self.portals.insert(name.to_owned(), portal);
        }
        outcome
    }

    async fn run_portal(&mut self, portal: &mut Portal, max_rows: i32) -> Result<(), Stop> {
        let bounds = self.bounds();
        let plan = Arc::clone(&portal.plan);
        self.presence.begin(&plan.source, &self.settings);
        if plan.command == Command::Empty {
            self.stream.reply.bare(b'I');
            return Ok(());
        }
        if let State::Ready = portal.state {
            // Statements sent in one batch stand or fall together; most batches are of one, and then its `Sync` is there.
            if plan.may_write() && !self.stream.is_next(b'S') {
                self.begin_implicit(&bounds).await?;
            }
            match self.execute(&plan, portal.parameters.as_ref(), &portal.formats, &bounds).await? {
                Answer::Said => {
                    portal.state = State::Done;
                    return Ok(());
                }
                Answer::Done(tag) => {
                    self.stream.reply.complete(&tag);
                    portal.state = State::Done;
                    return Ok(());
                }
                Answer::Rows(source, plan) => (portal.state, portal.plan) = (State::Open(source), plan),
            }
        }
        let plan = Arc::clone(&portal.plan);
        match &mut portal.state {
            State::Open(source) => {
                let max = u64::try_from(max_rows).ok().filter(|&max| max > 0);
                let sent = self.send_rows(source, &plan, max, &bounds).await?;
                if sent.more {
                    self.stream.reply.bare(b's');
                    return Ok(());
                }
                let tag = plan.tag(sent.rows);
                portal.state = State::Done;
                self.stream.reply.complete(&tag);
            }
            // Nothing is left, and what it did is not done again.
            State::Done if returns_rows(&plan.command) => self.stream.reply.complete(&plan.tag(0)),
            State::Done | State::Ready => {
                return Err(PgError::new("55000", "portal cannot be run again").into());
            }
        }
        Ok(())
    }

    /// Portals end with their transaction.
    pub(super) fn end_portals(&mut self) {
        self.portals.retain(|_, portal| portal.hold);
    }
}

impl Portal {
    /// Whether its rows no longer hang on the transaction.
    pub(super) fn is_kept(&self) -> bool {
        match &self.state {
            State::Open(Source::Gateway(gateway)) => matches!(gateway.rows, super::portal::Feed::Kept(_)),
            State::Open(Source::Own(_)) | State::Done => true,
            State::Ready => false,
        }
    }
}

/// The columns of what the frontend answers itself.
fn own_columns(plan: &Plan) -> Option<Own> {
    match &plan.command {
        Command::Explain { .. } => Some(Own::new(&["QUERY PLAN"])),
        Command::Show(None) => Some(Own::new(&["name", "setting", "description"])),
        Command::Show(Some(name)) => Some(Own::new(&[&super::utility::label(name)])),
        _ => None,
    }
}

fn formats(codes: &[i16]) -> Result<Vec<Format>, PgError> {
    let format = |&code: &i16| {
        Format::from_code(code).ok_or_else(|| PgError::new("22023", format!("unsupported format code: {code}")))
    };
    codes.iter().map(format).collect()
}

fn wrong_formats(given: usize, columns: usize) -> PgError {
    PgError::new("08P01", format!("bind message has {given} result formats but query has {columns} columns"))
}
