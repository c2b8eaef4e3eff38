//! A statement, ready to run.

use std::ops::Range;
use std::sync::Arc;

use arrow::datatypes::{FieldRef, Schema, SchemaRef};

use super::effects::signalled;
use crate::encode::{self, tell_type};
use crate::error::{PgError, Sent};
use crate::settings::Settings;
use crate::translate::{
    self, ColumnTypes, Command, Effects, Excuse, OffsetMap, Options, Results, Spare, TranslateError,
};

/// A statement: what the client wrote, what DuckDB is sent, and what it is.
#[derive(Debug)]
pub(super) struct Plan {
    /// The client's text of this statement.
    pub(super) source: String,
    /// DuckDB's text.
    pub(super) sql: String,
    /// From DuckDB's text to the client's.
    offsets: OffsetMap,
    /// What it is.
    pub(super) command: Command,
    /// The highest `$n`.
    pub(super) parameters: u16,
    /// Statements that run before it, in the same transaction.
    pub(super) first: Vec<String>,
    /// Statements that run after it, in the same transaction.
    pub(super) then: Vec<String>,
    /// Types of its columns that are not what DuckDB's types say.
    types: ColumnTypes,
    /// It asks for what only the session knows, in variables to be filled.
    pub(super) asks_session: bool,
    /// There is nothing to run.
    pub(super) ignored: bool,
    /// What the text tells of the columns of its rows.
    pub(super) results: Results,
    /// Types of parameters that what stands beside them tells.
    pub(super) parameter_types: Vec<(u16, u32)>,
    /// What it does beside giving rows.
    pub(super) effects: Effects,
    /// What it puts up with.
    excuse: Option<Excuse>,
    /// What it can do without in a DuckLake.
    pub(super) spare: Option<Spare>,
    /// Its rows have no columns.
    pub(super) bare: bool,
    /// Characters of the client's whole text before it.
    before: usize,
}

impl Plan {
    /// Plans the one statement in `range` of `text`.
    ///
    /// # Errors
    /// What the translation refuses, with its position.
    pub(super) fn new(text: &str, range: Range<usize>, settings: &Settings) -> Result<Self, PgError> {
        let before = text[..range.start].chars().count();
        Self::behind(before, &text[range], settings)
    }

    /// Plans a statement that has so many characters before it in the client's text.
    ///
    /// # Errors
    /// As [`Plan::new`].
    pub(super) fn behind(before: usize, source: &str, settings: &Settings) -> Result<Self, PgError> {
        Self::translated(before, source, settings, &options(settings))
    }

    fn translated(before: usize, source: &str, settings: &Settings, options: &Options) -> Result<Self, PgError> {
        let translated = translate::translate(source, options).map_err(|error| at(error, source, before))?;
        let is_translated = settings.is_on("tavana.translate");
        let (sql, offsets, types) = match is_translated {
            true => (translated.sql.into_owned(), translated.offsets, translated.types),
            false => (source.to_owned(), OffsetMap::default(), ColumnTypes::default()),
        };
        Ok(Self {
            source: source.to_owned(),
            sql,
            offsets,
            command: translated.command,
            parameters: translated.parameters,
            first: translated.before,
            then: translated.after,
            types,
            asks_session: is_translated && translated.asks_session,
            ignored: translated.ignored,
            results: if is_translated { translated.results } else { Results::default() },
            parameter_types: translated.parameter_types,
            effects: if is_translated { translated.effects } else { Effects::default() },
            excuse: translated.excuse.filter(|_| is_translated),
            spare: translated.spare.filter(|_| is_translated),
            bare: translated.bare && is_translated,
            before,
        })
    }

    /// The same statement planned under other settings.
    ///
    /// # Errors
    /// As [`Plan::new`].
    pub(super) fn again(&self, settings: &Settings) -> Result<Self, PgError> {
        Self::behind(self.before, &self.source, settings)
    }

    /// The same statement with columns whose lengths nobody checks.
    ///
    /// # Errors
    /// As [`Plan::new`].
    pub(super) fn without_lengths(&self, settings: &Settings) -> Result<Self, PgError> {
        let options = Options { checks_lengths: false, ..options(settings) };
        Self::translated(self.before, &self.source, settings, &options)
    }

    /// The statement inside this one, such as the query of a cursor.
    ///
    /// # Errors
    /// As [`Plan::new`].
    pub(super) fn inner(&self, range: Range<usize>, settings: &Settings) -> Result<Self, PgError> {
        let mut inner = Self::new(&self.source, range, settings)?;
        inner.before += self.before;
        Ok(inner)
    }

    /// The same statement with another text for DuckDB.
    pub(super) fn with_sql(&self, sql: String) -> Self {
        Self {
            source: self.source.clone(),
            sql,
            // Positions behind a cast that was put in are a little off; they stay inside the statement.
            offsets: self.offsets.clone(),
            command: self.command.clone(),
            first: self.first.clone(),
            effects: self.effects.clone(),
            excuse: self.excuse.clone(),
            then: self.then.clone(),
            types: self.types.clone(),
            results: self.results.clone(),
            parameter_types: self.parameter_types.clone(),
            ..*self
        }
    }

    /// The columns of its rows with the types that clients are told.
    pub(super) fn told(&self, columns: SchemaRef) -> SchemaRef {
        if self.effects.signal.is_some() {
            return signalled(&columns);
        }
        if self.types.is_empty() {
            return encode::declare(&columns, &self.results);
        }
        let count = columns.fields().len();
        let told = |(place, field): (usize, &FieldRef)| {
            let told =
                self.types.of(place, field.name(), count).and_then(|(oid, typmod)| tell_type(field, oid, typmod));
            told.map_or_else(|| Arc::clone(field), Arc::new)
        };
        let columns = Arc::new(Schema::new(columns.fields().iter().enumerate().map(told).collect::<Vec<_>>()));
        encode::declare(&columns, &self.results)
    }

    /// For positions in errors.
    pub(super) fn sent(&self) -> Sent<'_> {
        Sent { source: &self.source, sql: &self.sql, offsets: &self.offsets, before: self.before }
    }

    /// The notice that takes the place of a failure, if the statement puts up with it. `part` counts the statements it is
    /// for DuckDB.
    pub(super) fn excused(&self, error: &PgError, part: usize) -> Option<PgError> {
        match self.excuse.as_ref()? {
            Excuse::Missing { kind, names } => {
                let name = names.get(part)?;
                let message = match error.sqlstate {
                    // Its schema is not there, which PostgreSQL puts up with too.
                    "3F000" if *kind != "schema" => error.message.clone(),
                    "3F000" | "42P01" | "42704" => format!("{kind} \"{name}\" does not exist"),
                    _ => return None,
                };
                Some(PgError::notice(format!("{message}, skipping")))
            }
            Excuse::There { kind, name } => {
                let state = if *kind == "schema" { "42P06" } else { "42P07" };
                let message = format!("{kind} \"{name}\" already exists, skipping");
                (error.sqlstate == state).then(|| PgError { sqlstate: state, ..PgError::notice(message) })
            }
        }
    }

    /// Whether DuckDB runs its text.
    pub(super) fn is_run(&self) -> bool {
        !self.ignored
            && matches!(
                self.command,
                Command::Select
                    | Command::Insert
                    | Command::Update
                    | Command::Delete
                    | Command::Merge
                    | Command::CreateTableAs
                    | Command::Explain { .. }
                    | Command::Definition(_)
                    | Command::Other
            )
    }

    /// Whether it may change something, so that statements sent together with it stand or fall together.
    pub(super) fn may_write(&self) -> bool {
        !matches!(
            self.command,
            Command::Empty
                | Command::Select
                | Command::Explain { analyze: false }
                | Command::Show(_)
                | Command::Set { .. }
                | Command::Begin(_)
                | Command::Commit { .. }
                | Command::Rollback { .. }
                | Command::Listen(_)
                | Command::Unlisten(_)
                | Command::Deallocate(_)
                | Command::Prepare { .. }
        )
    }

    /// Whether it is a `SELECT … INTO`.
    pub(super) fn selects_into(&self) -> bool {
        self.command == Command::CreateTableAs && !self.source.trim_start().to_ascii_lowercase().starts_with("create")
    }

    /// Whether it surely writes to tables or the catalog.
    pub(super) fn writes(&self) -> bool {
        matches!(
            self.command,
            Command::Insert
                | Command::Update
                | Command::Delete
                | Command::Merge
                | Command::CreateTableAs
                | Command::Definition(_)
        )
    }

    /// The command tag, with the number of rows where it has one.
    pub(super) fn tag(&self, rows: u64) -> String {
        let tag = self.command.tag();
        match &self.command {
            Command::Insert => format!("INSERT 0 {rows}"),
            command if command.returns_count() => format!("{tag} {rows}"),
            _ => tag.to_owned(),
        }
    }
}

/// The statements of a text.
///
/// # Errors
/// A text that ends inside a string or a comment.
pub(super) fn split(text: &str, settings: &Settings) -> Result<Vec<Range<usize>>, PgError> {
    translate::split(text, &options(settings)).map_err(|error| at(error, text, 0))
}

fn options(settings: &Settings) -> Options {
    Options {
        standard_conforming_strings: settings.is_on("standard_conforming_strings"),
        user: settings.get("session_authorization").map(str::to_owned),
        process: settings.process,
        date_order: settings.text.date_order,
        checks_constants: settings.is_on("tavana.translate"),
        checks_lengths: true,
    }
}

/// An error with its position in characters of the client's whole text.
fn at(error: TranslateError, source: &str, before: usize) -> PgError {
    let position = error.position().map(|at| {
        let at = (0..=at.min(source.len())).rev().find(|&at| source.is_char_boundary(at)).unwrap_or(0);
        before + source[..at].chars().count() + 1
    });
    PgError { position, ..error.into() }
}
