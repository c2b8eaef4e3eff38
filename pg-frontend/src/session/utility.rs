//! What the frontend does itself: settings, prepared statements of SQL, and what PostgreSQL has and DuckDB has no need of.

use std::sync::Arc;

use arrow::array::RecordBatch;

use super::extended::Prepared;
use super::plan::Plan;
use super::portal::{Own, Source};
use super::run::{Answer, Bounds, failed, watched};
use super::{Session, Stop};
use crate::encode::Format;
use crate::error::PgError;
use crate::message::Status;
use crate::settings::Settings;
use crate::translate::{Command, Discard, SetValue};

impl Session {
    /// Acts on a statement that does not go to the gateway as it is; `None` for those that do.
    pub(super) async fn act(
        &mut self,
        plan: &Arc<Plan>,
        parameters: Option<&RecordBatch>,
        formats: &[Format],
        bounds: &Bounds,
    ) -> Result<Option<Answer>, Stop> {
        if let Some(answer) = self.transact(plan, bounds).await? {
            return Ok(Some(answer));
        }
        let done = |tag: &str| Ok(Some(Answer::Done(tag.to_owned())));
        match &plan.command {
            Command::Set { name, value, local } => self.set(plan, name, value, *local, bounds).await,
            Command::Show(name) => self.show(plan, name.as_deref(), bounds).await,
            Command::Reset(name) => {
                self.reset(plan, name.as_deref(), bounds).await?;
                done("RESET")
            }
            Command::Discard(what) => {
                self.discard(*what).await?;
                done(plan.command.tag())
            }
            Command::Prepare { name, types, body } => {
                let body = plan.inner(body.clone(), &self.settings)?;
                let types = types.iter().map(|name| oid_of_name(name)).collect();
                self.keep_prepared(name.clone(), Prepared::new(body, types))?;
                done("PREPARE")
            }
            Command::Execute { name, arguments } => {
                self.execute_prepared(plan, name, arguments, bounds).await.map(Some)
            }
            Command::Deallocate(name) => {
                match name {
                    Some(name) => {
                        self.find_prepared(name)?;
                        self.prepared.remove(name);
                    }
                    None => self.prepared.clear(),
                }
                done(plan.command.tag())
            }
            Command::DeclareCursor { .. } | Command::Fetch { .. } | Command::CloseCursor(_) => {
                self.cursor(plan, parameters, formats, bounds).await.map(Some)
            }
            Command::Copy(_) => self.copy(plan, bounds).await,
            // Nobody else can be told: there are no notifications, which is no reason to fail.
            Command::Listen(_) | Command::Unlisten(_) | Command::Notify { .. } => done(plan.command.tag()),
            _ => Ok(None),
        }
    }

    async fn reset(&mut self, plan: &Arc<Plan>, name: Option<&str>, bounds: &Bounds) -> Result<(), Stop> {
        let before = self.settings.clone();
        match name.map(|name| self.settings.set(name, None, false)) {
            None => {
                self.drop_credentials("starts_with(name, '~')").await?;
                self.settings.reset_all();
            }
            Some(Ok(())) => {}
            Some(Err(error)) if error.sqlstate == "42704" => {
                let sql = format!("RESET {}", name.unwrap_or_default());
                return self.run_setting(plan, &sql, error, bounds).await;
            }
            Some(Err(error)) => return Err(error.into()),
        }
        self.apply_settings(before).await
    }

    /// Runs a statement about a setting that PostgreSQL does not know: one of DuckDB's, perhaps.
    async fn run_setting(
        &mut self,
        plan: &Arc<Plan>,
        sql: &str,
        unknown: PgError,
        bounds: &Bounds,
    ) -> Result<(), Stop> {
        match watched(&mut self.stream, bounds, self.flight.run(sql, None)).await? {
            Ok(_) => Ok(()),
            Err(status) if status.code() == tonic::Code::Unimplemented => Err(unknown.into()),
            Err(status) => Err(failed(plan)(status)),
        }
    }

    async fn set(
        &mut self,
        plan: &Arc<Plan>,
        name: &str,
        value: &SetValue,
        local: bool,
        bounds: &Bounds,
    ) -> Result<Option<Answer>, Stop> {
        if local && self.status == Status::Idle {
            self.stream.reply.error(&PgError::warning("25P01", "SET LOCAL can only be used in transaction blocks"));
            return Ok(Some(Answer::Done("SET".to_owned())));
        }
        let value = match value {
            SetValue::List(values) => Some(values.join(", ")),
            SetValue::Default => None,
        };
        let before = self.settings.clone();
        match self.settings.set(name, value.as_deref(), local) {
            Ok(()) => {}
            Err(error) if error.sqlstate == "42704" => {
                let sql = match &value {
                    Some(value) => format!("SET {name} = {}", crate::settings::quoted(value)),
                    None => format!("RESET {name}"),
                };
                self.run_setting(plan, &sql, error, bounds).await?;
                return Ok(Some(Answer::Done("SET".to_owned())));
            }
            Err(error) => return Err(error.into()),
        }
        self.apply_settings(before).await?;
        Ok(Some(Answer::Done("SET".to_owned())))
    }

    /// Tells DuckDB and the client of settings that changed.
    pub(super) async fn apply_settings(&mut self, before: Settings) -> Result<(), Stop> {
        for statement in self.settings.duckdb(Some(&before)) {
            match self.flight.run(&statement, None).await {
                Ok(_) => {}
                // PostgreSQL takes schemas that do not exist in a search path.
                Err(status) if statement.starts_with("SET search_path") && status.code() == tonic::Code::NotFound => {}
                Err(status) => {
                    self.settings = before;
                    return Err(PgError::from_status(&status, None).into());
                }
            }
        }
        self.settings.report(Some(&before), &mut self.stream.reply);
        Ok(())
    }

    async fn show(&mut self, plan: &Arc<Plan>, name: Option<&str>, bounds: &Bounds) -> Result<Option<Answer>, Stop> {
        let table = match name {
            None => {
                let mut all = Own::new(&["name", "setting", "description"]);
                self.settings.all().for_each(|(name, value)| all.push(&[name, value, ""]));
                all
            }
            Some(name) => match self.settings.get(name) {
                Some(value) => {
                    let mut one = Own::new(&[&label(name)]);
                    one.push(&[&shown(name, value)]);
                    one
                }
                // DuckDB has a SHOW of its own, for tables and databases.
                None if is_duckdbs(name) => return self.pass(plan, bounds).await.map(Some),
                None => {
                    let message = format!("unrecognized configuration parameter \"{name}\"");
                    return Err(PgError::new("42704", message).into());
                }
            },
        };
        Ok(Some(Answer::Rows(Source::Own(table), Arc::clone(plan))))
    }

    /// Runs the client's own text on DuckDB.
    async fn pass(&mut self, plan: &Arc<Plan>, bounds: &Bounds) -> Result<Answer, Stop> {
        let run = self.flight.run(&plan.source, None);
        match watched(&mut self.stream, bounds, run).await?.map_err(failed(plan))? {
            crate::flight::Outcome::Changed(_) => Ok(Answer::Done(plan.tag(0))),
            crate::flight::Outcome::Rows(rows) => {
                let gateway = super::portal::Gateway::new(rows, plan, &[], self.settings.text.clone());
                let gateway = gateway.ok_or_else(|| PgError::new("XX000", "a result without columns"))?;
                Ok(Answer::Rows(Source::Gateway(Box::new(gateway)), Arc::clone(plan)))
            }
        }
    }

    async fn discard(&mut self, what: Discard) -> Result<(), Stop> {
        match what {
            Discard::Plans | Discard::Sequences | Discard::Temporary => {}
            Discard::All => {
                if self.status != Status::Idle {
                    let message = "DISCARD ALL cannot run inside a transaction block";
                    return Err(PgError::new("25001", message).into());
                }
                self.prepared.clear();
                self.portals.clear();
                self.drop_credentials("true").await?;
                self.may_have_credentials = false;
                let before = self.settings.clone();
                self.settings.reset_all();
                self.apply_settings(before).await?;
            }
        }
        if matches!(what, Discard::All | Discard::Temporary) {
            self.drop_temporary().await?;
        }
        Ok(())
    }

    /// Drops secrets of the session's own, so that who has the connection next does not have them. Settings of stores are secrets
    /// whose names begin with `~`.
    async fn drop_credentials(&mut self, which: &str) -> Result<(), Stop> {
        if !self.may_have_credentials {
            return Ok(());
        }
        let find = format!(
            "SELECT 'DROP SECRET IF EXISTS \"' || replace(name, '\"', '\"\"') || '\"' FROM duckdb_secrets() WHERE {which}"
        );
        self.run_found(&find).await
    }

    async fn drop_temporary(&mut self) -> Result<(), Stop> {
        const FIND: &str = "SELECT 'DROP TABLE IF EXISTS temp.main.\"' || replace(table_name, '\"', '\"\"') || '\"' \
                            FROM duckdb_tables() WHERE temporary AND NOT internal";
        self.run_found(FIND).await
    }

    /// Runs the statements that a query gives.
    async fn run_found(&mut self, find: &str) -> Result<(), Stop> {
        use arrow::array::AsArray as _;
        let told = |status| Stop::from(PgError::from_status(&status, None));
        for batch in self.flight.collect(find, None).await.map_err(told)? {
            let Some(statements) = batch.column(0).as_string_opt::<i32>() else { continue };
            for statement in statements.iter().flatten() {
                self.flight.run(statement, None).await.map_err(told)?;
            }
        }
        Ok(())
    }

    /// Runs a statement that SQL's `PREPARE` made: its arguments are expressions, which DuckDB works out first.
    async fn execute_prepared(
        &mut self,
        plan: &Arc<Plan>,
        name: &str,
        arguments: &[std::ops::Range<usize>],
        bounds: &Bounds,
    ) -> Result<Answer, Stop> {
        let wanted = self.find_prepared(name)?.parameters();
        if wanted != arguments.len() {
            let message = format!("wrong number of parameters for prepared statement \"{name}\"");
            let detail = format!("Expected {wanted} parameters but got {}.", arguments.len());
            return Err(PgError { detail: Some(detail), ..PgError::new("42601", message) }.into());
        }
        let mut values = None;
        if wanted > 0 {
            let texts: Vec<&str> = arguments.iter().map(|range| &plan.source[range.clone()]).collect();
            let select = format!("SELECT {}", texts.join(", "));
            let select = Plan::new(&select, 0..select.len(), &self.settings)?;
            let asked = self.flight.collect(&select.sql, None);
            values = watched(&mut self.stream, bounds, asked).await?.map_err(failed(plan))?.into_iter().next();
        }
        let body = self.prepared_plan(name).await?;
        Box::pin(self.execute(&body, values.as_ref(), &[], bounds)).await
    }
}

/// The label of the column that `SHOW` gives.
pub(super) fn label(name: &str) -> String {
    match name.to_ascii_lowercase().as_str() {
        "timezone" | "time zone" => "TimeZone".to_owned(),
        "datestyle" => "DateStyle".to_owned(),
        "intervalstyle" => "IntervalStyle".to_owned(),
        lower => lower.to_owned(),
    }
}

/// A value as `SHOW` prints it: times with a unit, sizes too.
fn shown(name: &str, value: &str) -> String {
    let is_time = name.ends_with("_timeout");
    match value.parse::<u64>() {
        Ok(millis) if is_time && millis > 0 => match millis {
            millis if millis % 3_600_000 == 0 => format!("{}h", millis / 3_600_000),
            millis if millis % 60_000 == 0 => format!("{}min", millis / 60_000),
            millis if millis % 1000 == 0 => format!("{}s", millis / 1000),
            millis => format!("{millis}ms"),
        },
        Ok(kib) if name.ends_with("work_mem") => format!("{}MB", kib / 1024),
        _ => value.to_owned(),
    }
}

fn is_duckdbs(name: &str) -> bool {
    matches!(name.to_ascii_lowercase().as_str(), "tables" | "all tables" | "databases" | "schemas" | "variables")
}

/// The OID of a type by one of its names; 0 leaves it to DuckDB.
pub(super) fn oid_of_name(name: &str) -> u32 {
    let (element, is_array) = match name.strip_suffix("[]") {
        Some(element) => (element, true),
        None => (name, false),
    };
    let (own, array) = match element.to_ascii_lowercase().as_str() {
        "bool" | "boolean" => (16, 1000),
        "bytea" => (17, 1001),
        "int8" | "bigint" => (20, 1016),
        "int2" | "smallint" => (21, 1005),
        "int4" | "int" | "integer" => (23, 1007),
        "text" => (25, 1009),
        "oid" => (26, 1028),
        "json" => (114, 199),
        "jsonb" => (3802, 3807),
        "varchar" | "character varying" => (1043, 1015),
        "bpchar" | "char" | "character" => (1042, 1014),
        "name" => (19, 1003),
        "float4" | "real" => (700, 1021),
        "float8" | "double precision" => (701, 1022),
        "date" => (1082, 1182),
        "time" | "time without time zone" => (1083, 1183),
        "timetz" | "time with time zone" => (1266, 1270),
        "timestamp" | "timestamp without time zone" => (1114, 1115),
        "timestamptz" | "timestamp with time zone" => (1184, 1185),
        "interval" => (1186, 1187),
        "numeric" | "decimal" => (1700, 1231),
        "uuid" => (2950, 2951),
        _ => (0, 0),
    };
    if is_array { array } else { own }
}
