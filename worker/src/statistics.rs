//! What is known of relations before anything of them is read, for the size estimates of gateways.
//!
//! A gateway has no DuckDB. It names the tables and calls that it found in a statement; each is judged as a statement that reads it
//! would be, then found in the catalog ([`resolve`]) or taken as files ([`scan`]), given its schema by DuckDB, and looked at by its
//! kind: tables of DuckDB's own ([`table`], [`segments`]), of a DuckLake ([`lake`]), Parquet ([`parquet`]), CSV and JSON ([`text`]), Delta and Iceberg
//! ([`open_table`]). Views are followed ([`view`]) to what they read. One that fails says why, and the others are answered. Everything is
//! bounded: relations here, files and footers in their modules, the answer in [`bounds`].
//!
//! Nothing of the user's is run: queries are ours, over DuckDB's own functions by their full names, and each is prepared for one run
//! (see `session/rerun.rs`). A failure aborts a transaction, so that a session in one has its files looked at on another connection.

mod bounds;
mod columns;
mod files;
mod lake;
mod open_table;
mod parquet;
mod resolve;
mod rows;
mod scan;
mod segments;
mod table;
mod text;
mod view;

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::datatypes::{Schema, SchemaRef};
use tavana_wire::statistics::{
    MAX_RELATIONS, Reference, Relation, RelationKind, RelationStatistics, StatisticsAnswer, StatisticsFailure,
    StatisticsRequest, TableName, VERSION,
};
use tavana_wire::{Failure, FailureKind, Role};

use self::resolve::{Entry, Place};
use self::rows::Rows;
use self::scan::Scan;
use crate::caller::Call;
use crate::engine::{Connection, quoted};
use crate::execute::Executor;
use crate::execute::blocking::{OnLease, blocking};
use crate::execute::plan::schema_bytes;
use crate::running::RunningQuery;
use crate::session::Lease;
use crate::statement::{Policy, Statement};

/// Relations that are looked at, with those that views read.
const RELATIONS: usize = 256;

impl Executor {
    /// What is known of the relations of a request.
    ///
    /// # Errors
    /// `LimitExceeded` for too many; `Cancelled` when nobody wants the answer any more. What fails for one relation is in the answer.
    pub(crate) async fn statistics(
        &self,
        call: &Call,
        request: StatisticsRequest,
    ) -> Result<StatisticsAnswer, Failure> {
        if request.relations.len() > MAX_RELATIONS {
            let message = format!("statistics are asked of more than {MAX_RELATIONS} relations; ask in several calls");
            return Err(Failure::new(FailureKind::LimitExceeded, message));
        }
        let query = self.running.start(call.query_id, call);
        let own = self.lease(call, None).await?;
        if own.in_transaction() && !self.policy.lakes.is_empty() {
            let message = "nothing is told while a transaction is open: asking a lake whose metadata database is gone could abort it";
            return Err(Failure::new(FailureKind::State, message));
        }
        let apart = match own.session().filter(|_| own.in_transaction()) {
            Some(session) => {
                let mut backend = self.pool.take(None)?;
                backend.apply(&session.session_state().settings)?;
                Some(Lease::pooled(backend, Arc::clone(&self.pool)))
            }
            None => None,
        };
        let budget = (request.budget_ms > 0).then(|| Duration::from_millis(request.budget_ms));
        let until = budget.and_then(|budget| Instant::now().checked_add(budget));
        let (policy, role) = (self.policy.clone(), call.role());
        let work = move |connections: &mut Connections| {
            let survey = Survey::new(connections, &policy, role, until)?;
            survey.answer(request.relations)
        };
        let (_, relations) = blocking(&query, Connections { own, apart }, work).await?;
        Ok(answer(&query, relations))
    }
}

/// The answer as it is sent: failures without folders of the worker's, and small enough.
fn answer(query: &RunningQuery, relations: Vec<(RelationStatistics, Option<Failure>)>) -> StatisticsAnswer {
    let told = |(mut found, failure): (RelationStatistics, Option<Failure>)| {
        found.failure = failure.map(|failure| {
            let failure = query.failed(failure);
            StatisticsFailure { kind: failure.kind.label().to_owned(), message: failure.message }
        });
        found
    };
    let mut relations: Vec<RelationStatistics> = relations.into_iter().map(told).collect();
    bounds::fit(&mut relations);
    StatisticsAnswer { version: VERSION, relations }
}

/// The session's connection; and another one in its place where a failure would do harm.
struct Connections {
    own: Lease,
    apart: Option<Lease>,
}

impl OnLease for Connections {
    fn lease(&mut self) -> &mut Lease {
        // What takes long, and has to be interrupted, is files.
        self.apart.as_mut().unwrap_or(&mut self.own)
    }
}

/// A relation to look at.
#[derive(Clone, Debug, PartialEq)]
struct Wanted {
    relation: Relation,
    /// Where a view that reads it is: names mean something else there. What a view reads was judged when the view was made.
    view: Option<Place>,
}

/// What a reference came to.
enum Source {
    Table(Entry),
    View(Entry),
    Files(Scan),
    /// Something that DuckDB knows, and we do not, as SQL.
    Other(String),
}

/// One round of looking.
struct Survey<'a> {
    own: &'a Connection,
    files: &'a Connection,
    policy: &'a Policy,
    role: Role,
    until: Option<Instant>,
    path: Vec<Place>,
}

impl<'a> Survey<'a> {
    fn new(
        connections: &'a Connections,
        policy: &'a Policy,
        role: Role,
        until: Option<Instant>,
    ) -> Result<Self, Failure> {
        let own = connections.own.connection();
        let files = connections.apart.as_ref().map_or(own, |lease| lease.connection());
        let path = resolve::search_path(own)?;
        Ok(Self { own, files, policy, role, until, path })
    }

    fn answer(&self, asked: Vec<Relation>) -> Result<Vec<(RelationStatistics, Option<Failure>)>, Failure> {
        let mut wanted: Vec<Wanted> = asked.into_iter().map(|relation| Wanted { relation, view: None }).collect();
        let mut answers = Vec::new();
        while let Some(next) = wanted.get(answers.len()).cloned() {
            let mut found = RelationStatistics::default();
            if self.until.is_some_and(|until| Instant::now() >= until) {
                found.because.push("there was no time left to look at it".to_owned());
                answers.push((found, None));
                continue;
            }
            let (reads, failure) = match self.look(&next, &mut found) {
                Ok(reads) => (reads, None),
                Err(failure) if failure.kind == FailureKind::Cancelled => return Err(failure),
                Err(failure) => (Vec::new(), Some(failure)),
            };
            for read in reads {
                let known = wanted.iter().position(|wanted| *wanted == read);
                if known.is_none() && wanted.len() >= RELATIONS {
                    found.because.push(format!("it reads more than the {RELATIONS} relations that are looked at"));
                    break;
                }
                found.reads.push(known.unwrap_or(wanted.len()) as u32);
                if known.is_none() {
                    wanted.push(read);
                }
            }
            answers.push((found, failure));
        }
        Ok(answers)
    }

    /// Looks at one relation; gives what it reads, if it is a view.
    fn look(&self, wanted: &Wanted, found: &mut RelationStatistics) -> Result<Vec<Wanted>, Failure> {
        let reference = wanted.relation.reference.as_ref();
        let reference = reference.ok_or_else(|| invalid("a relation has neither a name nor a function"))?;
        if wanted.view.is_none() {
            let sql = format!("SELECT * FROM {}", text(reference)?);
            self.policy.check_text(&Statement::read(&sql), self.role)?;
        }
        match self.source(reference, wanted.view.as_ref())? {
            Source::Table(entry) => self.table(&entry, found).map(|()| Vec::new()),
            Source::View(entry) => self.view(&entry, found),
            Source::Files(scan) => self.scan(&scan, found).map(|()| Vec::new()),
            Source::Other(sql) => {
                found.because.push("only its schema is known: it is no table, view or file".to_owned());
                self.describe(self.files, &sql, found).map(|_| Vec::new())
            }
        }
    }

    fn source(&self, reference: &Reference, view: Option<&Place>) -> Result<Source, Failure> {
        let name = match reference {
            Reference::Call(call) => {
                let scan = Scan::of_call(call)?;
                return Ok(scan.map_or_else(|| Source::Other(String::new()), Source::Files));
            }
            Reference::Name(name) => name,
        };
        let path: Vec<Place> = view.into_iter().chain(&self.path).cloned().collect();
        Ok(match resolve::resolve(self.own, &name.parts, &path)? {
            Some(entry) if entry.is_view => Source::View(entry),
            Some(entry) => Source::Table(entry),
            None => match name.parts.as_slice() {
                [file] if let Some(scan) = Scan::of_name(file) => Source::Files(scan),
                _ => Source::Other(text(reference)?),
            },
        })
    }

    fn table(&self, entry: &Entry, found: &mut RelationStatistics) -> Result<(), Failure> {
        found.name = vec![entry.database.clone(), entry.schema.clone(), entry.name.clone()];
        let sql = "SELECT type FROM system.main.duckdb_databases() WHERE database_name = $1";
        let kind = Rows::read(self.own, sql, &[&entry.database])?.texts(0)?.into_iter().flatten().next();
        let kind = match kind.as_deref() {
            Some("duckdb") => RelationKind::Table,
            Some("ducklake") => RelationKind::Ducklake,
            _ => RelationKind::Foreign,
        };
        found.set_kind(kind);
        let schema = self.describe(self.own, &table::full_name(entry), found)?;
        match kind {
            RelationKind::Table => table::look(self.own, entry, &schema, found),
            RelationKind::Ducklake => lake::look(self.files, entry, &schema, found),
            _ => {
                found.rows = entry.rows;
                found.because.push("the table is another database's: rows are its own estimate".to_owned());
                Ok(())
            }
        }
    }

    fn view(&self, entry: &Entry, found: &mut RelationStatistics) -> Result<Vec<Wanted>, Failure> {
        found.set_kind(RelationKind::View);
        found.name = vec![entry.database.clone(), entry.schema.clone(), entry.name.clone()];
        // A view of the open transaction, or of the session's own, is seen here only; binding one may read files.
        let is_temporary = entry.database == "temp";
        self.describe(if is_temporary { self.own } else { self.files }, &table::full_name(entry), found)?;
        let query = Statement::read(&entry.sql).view_query().unwrap_or_default().to_owned();
        let reads = view::reads(self.own, &query)?;
        found.definition = query;
        found.because.extend(reads.unknown);
        let place = (entry.database.clone(), entry.schema.clone());
        let wanted = |relation| Wanted { relation, view: Some(place.clone()) };
        Ok(reads.relations.into_iter().map(wanted).collect())
    }

    fn scan(&self, scan: &Scan, found: &mut RelationStatistics) -> Result<(), Failure> {
        found.set_kind(scan.kind);
        let schema = self.describe(self.files, &scan.sql, found)?;
        match scan.kind {
            RelationKind::Delta | RelationKind::Iceberg => open_table::look(self.files, scan, found),
            kind => {
                files::list(self.files, scan, &schema, found)?;
                match kind {
                    RelationKind::Parquet => parquet::look(self.files, scan, &schema, found),
                    _ => text::look(self.files, scan, found),
                }
            }
        }
    }

    /// Has DuckDB bind a relation, for its schema; and for its refusal, which a statement would meet as well.
    fn describe(
        &self,
        connection: &Connection,
        sql: &str,
        found: &mut RelationStatistics,
    ) -> Result<SchemaRef, Failure> {
        if sql.is_empty() {
            return Ok(Arc::new(Schema::empty()));
        }
        let schema = connection.prepare(&format!("SELECT * FROM {sql}"))?.schema()?;
        let schema = schema.ok_or_else(|| invalid("the columns of the relation are not known"))?;
        found.schema = schema_bytes(&schema).to_vec();
        Ok(schema)
    }
}

/// A reference as SQL, quoted.
fn text(reference: &Reference) -> Result<String, Failure> {
    match reference {
        Reference::Name(TableName { parts }) if matches!(parts.len(), 1..=3) => {
            Ok(parts.iter().map(|part| quoted(part)).collect::<Vec<_>>().join("."))
        }
        Reference::Name(_) => Err(invalid("the name of a table has one to three parts")),
        Reference::Call(call) => scan::call_text(call),
    }
}

fn invalid(message: &str) -> Failure {
    Failure::new(FailureKind::InvalidRequest, message)
}

#[cfg(test)]
mod tests;
