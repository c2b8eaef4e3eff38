//! Who may run what.
//!
//! A locked instance keeps statements from files and from settings, but not from extensions' names, secrets, logs and
//! each other's databases, which all connections share. So statements are allowed by kind and role, settings and
//! pragmas by name, and functions unless they are refused by name. A kind that is not known is refused.

use tavana_wire::{Failure, FailureKind, Role};

use super::credentials::{CredentialChange, CredentialError};
use super::functions::{self, Calls};
use super::settings::{names_own, names_temporary, values, worker_flag};
use super::{SettingChange, Statement, StatementKind, TokenKind, unquoted};
use crate::pg_catalog::snapshot::ROWS_DATABASE;

/// How the names of the databases begin in which DuckLake keeps its metadata; who writes there destroys the tables.
const METADATA_DATABASES: &str = "__ducklake_metadata_";

/// Whether a database holds rows of the server's own that only the server writes.
pub(crate) fn is_own_database(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name == ROWS_DATABASE || name.starts_with(METADATA_DATABASES)
}

/// Why a statement is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PolicyError {
    #[error(
        "this SQL ends inside a string, a name or a comment, or has too long a run of operator characters, from character {0} on"
    )]
    Unreadable(usize),
    #[error("several statements came where one is run; send them one by one")]
    Several,
    #[error("this statement changes data, and the role reader only reads; ask an administrator for the role user")]
    ReadOnly,
    #[error("{0} is for administrators; ask one to run it, or for the role admin")]
    AdminOnly(&'static str),
    #[error("extensions are chosen by the server's configuration; start the worker with the extension")]
    Extensions,
    #[error(transparent)]
    Credentials(#[from] CredentialError),
    #[error("`{name}` belongs to the worker; start it with {flag}")]
    WorkerSetting { name: String, flag: &'static str },
    #[error("`{0}` is no setting of a session; these are: {list}", list = super::SESSION_SETTINGS.join(", "))]
    Setting(String),
    #[error("`{name}` cannot take this value: {cure}")]
    SettingValue { name: String, cure: &'static str },
    #[error("SET GLOBAL would change the settings of everybody; leave GLOBAL out")]
    GlobalSetting,
    #[error("this form of SET is not supported; write SET name = 'value' with one plain value, or RESET name")]
    SettingForm,
    #[error("the schema of a session cannot be in the catalog temp; temporary tables are found without it")]
    TemporaryPlace,
    #[error("the database {} holds rows of the server's own; it can be read only", ROWS_DATABASE)]
    OwnDatabase,
    #[error(
        "the metadata of a DuckLake is the server's own; its functions show what is in it, as in FROM ducklake_snapshots('lake')"
    )]
    OwnMetadata,
    #[error("the function `{name}` is not available: {reason}")]
    Function { name: &'static str, reason: &'static str },
    #[error("the pragma `{0}` is not available; those that only show something are, and settings are changed with SET")]
    Pragma(String),
    #[error(
        "COPY cannot use the standard streams and devices of the server; run the query and let the client write its rows"
    )]
    Device,
    #[error(
        "the option use_tmp_file is not available: a file that is written again is replaced when the new one is whole"
    )]
    TmpFile,
    #[error(
        "an address cannot bring settings of stores such as s3_endpoint along, the server's keys would go there; use CREATE SECRET"
    )]
    SettingInAddress,
    #[error("EXPLAIN and PREPARE take a query or a write; run this statement by itself")]
    Inner,
    #[error("this kind of statement is not supported; send it as plain SQL, one statement at a time")]
    Kind,
}

impl PolicyError {
    /// What it is, seen from the client.
    pub(crate) fn kind(&self) -> FailureKind {
        match self {
            Self::Credentials(error) => error.kind(),
            Self::Unreadable(_) | Self::Several => FailureKind::Syntax,
            Self::ReadOnly | Self::AdminOnly(_) => FailureKind::PermissionDenied,
            Self::Extensions | Self::WorkerSetting { .. } => FailureKind::PermissionDenied,
            Self::GlobalSetting
            | Self::Function { .. }
            | Self::OwnDatabase
            | Self::OwnMetadata
            | Self::TmpFile
            | Self::SettingInAddress => FailureKind::PermissionDenied,
            Self::Setting(_) | Self::SettingValue { .. } | Self::SettingForm | Self::TemporaryPlace => {
                FailureKind::Unsupported
            }
            Self::Pragma(_) | Self::Device | Self::Inner | Self::Kind => FailureKind::Unsupported,
        }
    }
}

impl From<PolicyError> for Failure {
    fn from(error: PolicyError) -> Self {
        Self::new(error.kind(), error.to_string())
    }
}

/// What statements may do on this worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Policy {
    /// Whether the worker serves its own machine only, without users: files of any place, nobody to protect from another.
    pub(crate) trusted: bool,
    /// Hosts, and what hosts end in from a dot on, that a user's storage credentials may name.
    pub(crate) endpoints: Vec<String>,
    /// Catalogs whose tables are given by the server's configuration.
    pub(crate) given: Vec<String>,
    /// DuckLakes, which nobody checkpoints: that maintains them, and two at once would leave rows twice.
    pub(crate) lakes: Vec<String>,
}

/// Stores that anybody can reach, so that the server may, too.
const PUBLIC_STORES: [&str; 4] =
    [".amazonaws.com", ".googleapis.com", ".r2.cloudflarestorage.com", ".core.windows.net"];

impl Policy {
    /// Whether `role` may run the statement that DuckDB says is of this kind.
    ///
    /// [`StatementKind::Multi`] stands for a statement DuckDB expands into several: it is judged by its words.
    ///
    /// # Errors
    /// The reason why not.
    pub(crate) fn check(&self, statement: &Statement<'_>, kind: StatementKind, role: Role) -> Result<(), PolicyError> {
        self.check_text(statement, role)?;
        if statement.credentials().is_some() {
            return Ok(());
        }
        let leading = statement.leading_kind();
        if kind != StatementKind::Select && statement.names(ROWS_DATABASE) {
            return Err(PolicyError::OwnDatabase);
        }
        match kind {
            // DuckDB read it, but its words are not known here.
            _ if leading == StatementKind::Invalid => Err(PolicyError::Kind),
            StatementKind::Multi => Ok(()),
            // PIVOT creates a type for its columns before it reads.
            StatementKind::Create | StatementKind::Transaction if leading == StatementKind::Select => Ok(()),
            _ => require(kind, statement, role),
        }
    }

    /// The part of [`Policy::check`] that needs no word of DuckDB's. It can come before the statement is parsed and
    /// prepared, which already reads files. A text whose first words start no statement passes: DuckDB says what is wrong.
    ///
    /// # Errors
    /// The reason why `role` may not run it.
    pub(crate) fn check_text(&self, statement: &Statement<'_>, role: Role) -> Result<(), PolicyError> {
        if let Some(token) = statement.tokens.iter().find(|token| token.kind == TokenKind::Broken) {
            return Err(PolicyError::Unreadable(statement.text[..token.start].chars().count() + 1));
        }
        // The text around a statement decides which typographic spaces are replaced, so that a piece of a text can
        // come apart where the whole did not.
        if (0..statement.tokens.len()).any(|index| statement.is_symbol(index, ";")) {
            return Err(PolicyError::Several);
        }
        if statement.names_with_prefix(METADATA_DATABASES) {
            return Err(PolicyError::OwnMetadata);
        }
        if statement.has_setting_in_address() {
            return Err(PolicyError::SettingInAddress);
        }
        if let Some(change) = statement.credentials() {
            return self.check_credentials(&change?);
        }
        let leading = statement.leading_kind();
        if leading == StatementKind::Invalid {
            return Ok(());
        }
        if let Some((name, reason)) = statement.refused_function(self.trusted, role) {
            return Err(PolicyError::Function { name, reason });
        }
        let body = statement.body();
        for statement in [Some(statement), body.as_ref()].into_iter().flatten() {
            if statement.credentials().is_some() {
                return Err(PolicyError::Inner);
            }
            if statement.copies_to_device() {
                return Err(PolicyError::Device);
            }
            // The files of attached databases are open to statements, as DuckDB's own writes need; what keeps COPY from writing
            // over them is that it may not make the file beside them that it writes first.
            if !self.trusted && statement.copies_over() {
                return Err(PolicyError::TmpFile);
            }
            statement.check_pragma()?;
        }
        match statement.setting() {
            Some(change) => self.check_setting(&change, role),
            None => require(leading, statement, role),
        }?;
        match body {
            Some(body) => check_body(statement, &body, role),
            None => Ok(()),
        }
    }

    /// Whether a session may have these credentials: everybody may bring their own. With users, the server does not call any
    /// host that one of them names: it may reach what they may not.
    ///
    /// # Errors
    /// The reason why not.
    pub(crate) fn check_credentials(&self, change: &CredentialChange) -> Result<(), PolicyError> {
        let is_allowed = |host: &&str| {
            let mut known = self.endpoints.iter().map(String::as_str).chain(PUBLIC_STORES);
            self.trusted || known.any(|known| is_host_of(host, known))
        };
        match change.endpoints().iter().all(is_allowed) {
            true => Ok(()),
            false => Err(CredentialError::Endpoint.into()),
        }
    }

    /// Whether `role` may change a setting so.
    ///
    /// # Errors
    /// The reason why not.
    pub(crate) fn check_setting(&self, change: &SettingChange, _role: Role) -> Result<(), PolicyError> {
        let (name, value) = match change {
            SettingChange::Variable => return Ok(()),
            SettingChange::Use { target } if names_temporary(target) => return Err(PolicyError::TemporaryPlace),
            SettingChange::Use { target } if names_own(target) || target.contains(METADATA_DATABASES) => {
                return Err(PolicyError::OwnDatabase);
            }
            SettingChange::Use { .. } => return Ok(()),
            SettingChange::Set { global: true, .. } | SettingChange::Reset { global: true, .. } => {
                return Err(PolicyError::GlobalSetting);
            }
            SettingChange::Set { name, value, .. } => (name, Some(value)),
            SettingChange::Reset { name, .. } => (name, None),
        };
        let name = name.to_ascii_lowercase();
        let Some(values) = values(&name) else {
            return Err(match worker_flag(&name) {
                Some(flag) => PolicyError::WorkerSetting { name, flag },
                None => PolicyError::Setting(name),
            });
        };
        match value.and_then(|value| values.refuse(value)) {
            Some(cure) => Err(PolicyError::SettingValue { name, cure }),
            None => Ok(()),
        }
    }
}

/// Whether a host is the known one, or ends in it where that begins with a dot.
fn is_host_of(host: &str, known: &str) -> bool {
    let host = host.to_ascii_lowercase();
    host == known.trim_start_matches('.') || known.starts_with('.') && host.ends_with(known)
}

/// Whether `role` may run statements of this kind.
fn require(kind: StatementKind, statement: &Statement<'_>, role: Role) -> Result<(), PolicyError> {
    let administrators = |what| if role == Role::Admin { Ok(()) } else { Err(PolicyError::AdminOnly(what)) };
    match kind {
        StatementKind::Select
        | StatementKind::Explain
        | StatementKind::Prepare
        | StatementKind::Execute
        | StatementKind::Transaction => Ok(()),
        StatementKind::Drop if statement.is_keyword(0, "deallocate") => Ok(()),
        StatementKind::Alter if statement.is_keyword(1, "database") => administrators("ALTER DATABASE"),
        StatementKind::Insert
        | StatementKind::Update
        | StatementKind::Delete
        | StatementKind::MergeInto
        | StatementKind::Create
        | StatementKind::CreateFunc
        | StatementKind::Alter
        | StatementKind::Drop
        | StatementKind::Copy
        | StatementKind::CopyDatabase => {
            if role == Role::Reader {
                Err(PolicyError::ReadOnly)
            } else {
                Ok(())
            }
        }
        StatementKind::Attach | StatementKind::Detach => administrators("attaching databases"),
        StatementKind::Export => administrators("EXPORT and IMPORT DATABASE"),
        StatementKind::Vacuum | StatementKind::Analyze => administrators("VACUUM and ANALYZE"),
        StatementKind::Call if !statement.is_keyword(0, "call") => administrators("CHECKPOINT"),
        // Its function was looked at by name.
        StatementKind::Call | StatementKind::Pragma => Ok(()),
        // All other settings are applied by the session: as they are written, some would be everybody's.
        StatementKind::Set | StatementKind::VariableSet => match statement.setting() {
            Some(SettingChange::Variable) => Ok(()),
            _ => Err(PolicyError::SettingForm),
        },
        StatementKind::Load | StatementKind::UpdateExtensions => Err(PolicyError::Extensions),
        StatementKind::Invalid | StatementKind::Relation | StatementKind::Extension | StatementKind::LogicalPlan => {
            Err(PolicyError::Kind)
        }
        StatementKind::Multi | StatementKind::Other(_) => Err(PolicyError::Kind),
    }
}

/// What is explained or prepared: only queries and writes, since DuckDB runs anything in an `EXPLAIN ANALYZE`.
fn check_body(statement: &Statement<'_>, body: &Statement<'_>, role: Role) -> Result<(), PolicyError> {
    let kind = body.leading_kind();
    match kind {
        StatementKind::Select | StatementKind::Execute => Ok(()),
        StatementKind::Insert | StatementKind::Update | StatementKind::Delete | StatementKind::MergeInto => Ok(()),
        StatementKind::Create | StatementKind::Alter | StatementKind::Drop | StatementKind::Copy => Ok(()),
        StatementKind::Call => Ok(()),
        _ => Err(PolicyError::Inner),
    }?;
    if statement.is_keyword(0, "prepare") || statement.analyzes() { require(kind, body, role) } else { Ok(()) }
}

impl Statement<'_> {
    /// The first refused function the statement calls, and why.
    fn refused_function(&self, trusted: bool, role: Role) -> Option<(&'static str, &'static str)> {
        (0..self.tokens.len()).find_map(|index| {
            let &(name, calls, reason) = functions::refused(&self.name(index)?)?;
            let is_allowed = match calls {
                Calls::Never => false,
                Calls::Trusted => trusted,
                Calls::Admins => role == Role::Admin,
                Calls::Writers => role != Role::Reader,
            };
            (!is_allowed && self.is_called(index, name)).then_some((name, reason))
        })
    }

    /// Whether the name at `index` stands where a function is called, or a view is read that shows the same.
    fn is_called(&self, index: usize, name: &str) -> bool {
        if functions::REFUSED_VIEWS.contains(&name) {
            return true;
        }
        if !self.is_symbol(index + 1, "(") {
            return false;
        }
        let mut first = index;
        while first > 1 && self.is_symbol(first - 1, ".") {
            first -= 2;
        }
        // A list of columns, not of arguments, follows the name of a table, view or index that is made or written
        // and of a query in WITH. Only words count that cannot stand before a call; AS behind the list
        // tells nothing, since `FROM f() AS (i INTEGER)` is a call.
        let after = |word: &&str| first > 0 && self.is_keyword(first - 1, word);
        let is_index = self.is_keyword(0, "create") && (self.is_keyword(1, "index") || self.is_keyword(2, "index"));
        let has_columns = ["into", "table", "view", "exists", "references", "with", "recursive"].iter().any(after);
        !(has_columns || is_index && after(&"on"))
    }

    /// Whether it is a `COPY` from or to a standard stream or a device; DuckDB would take the worker's own.
    fn copies_to_device(&self) -> bool {
        let is_device = |index: usize| match self.kind_at(index) {
            Some(TokenKind::Word) => self.is_keyword(index, "stdin") || self.is_keyword(index, "stdout"),
            Some(TokenKind::Text | TokenKind::QuotedName) => leads_to_device(&unquoted(self.token_text(index))),
            // A name in code or between dollars could spell anything.
            Some(TokenKind::CodedText | TokenKind::DollarText) => true,
            _ => false,
        };
        let is_direction = |index| self.is_keyword(index, "to") || self.is_keyword(index, "from");
        let file_at = |index: usize| if self.is_keyword(index + 1, "program") { index + 2 } else { index + 1 };
        self.is_keyword(0, "copy")
            && (1..self.tokens.len()).any(|index| is_direction(index) && is_device(file_at(index)))
    }

    /// Whether it is a `COPY` that may write into a file that is there.
    fn copies_over(&self) -> bool {
        self.is_keyword(0, "copy")
            && (1..self.tokens.len()).any(|index| self.name(index).is_some_and(|name| name == "use_tmp_file"))
    }

    /// Refuses pragmas that do more than show something.
    fn check_pragma(&self) -> Result<(), PolicyError> {
        if !self.is_keyword(0, "pragma") || self.is_symbol(2, "=") {
            return Ok(());
        }
        let name = self.name(1).unwrap_or_default();
        if functions::PRAGMAS.contains(&name.as_str()) { Ok(()) } else { Err(PolicyError::Pragma(name)) }
    }
}

/// Whether a file name leads to a device or into a process, however it is spelled.
fn leads_to_device(file: &str) -> bool {
    let file = file.trim_start_matches("file:");
    let mut from_root = file.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in file.split('/') {
        match part {
            "" | "." => {}
            // Where `..` climbs to is not known; assume the worst.
            ".." => from_root |= parts.pop().is_none(),
            part => parts.push(part),
        }
    }
    from_root && matches!(parts.first(), Some(&("dev" | "proc")))
}

#[cfg(test)]
mod tests;
