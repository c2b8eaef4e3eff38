//! What a statement is, as plain data.
//!
//! The frontend acts on the session commands itself (transactions, settings, cursors, prepared
//! statements, COPY) and passes everything else on; it needs the arguments of the former and of the
//! latter only the command tag that PostgreSQL would print.

use std::ops::Range;

/// A statement's kind, with its arguments where the frontend itself acts on it. Names are as PostgreSQL
/// stores them (folded or unquoted); ranges are bytes of the statement.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Command {
    /// Nothing but space and comments.
    Empty,
    /// SELECT, VALUES, TABLE and WITH around them.
    Select,
    Insert,
    Update,
    Delete,
    Merge,
    /// `CREATE TABLE AS`, `SELECT INTO`, `CREATE MATERIALIZED VIEW`: the tag is SELECT with a count.
    CreateTableAs,
    Explain {
        analyze: bool,
    },
    Begin(TransactionMode),
    Commit {
        chain: bool,
    },
    Rollback {
        chain: bool,
    },
    Savepoint(String),
    Release(String),
    RollbackTo(String),
    /// `SET TRANSACTION …`, or with `session` `SET SESSION CHARACTERISTICS AS TRANSACTION …`.
    SetTransaction {
        session: bool,
        mode: TransactionMode,
    },
    Set {
        name: String,
        value: SetValue,
        local: bool,
    },
    /// `None` is ALL.
    Show(Option<String>),
    /// `None` is ALL.
    Reset(Option<String>),
    Discard(Discard),
    Prepare {
        name: String,
        types: Vec<String>,
        body: Range<usize>,
    },
    Execute {
        name: String,
        arguments: Vec<Range<usize>>,
    },
    /// `None` is ALL.
    Deallocate(Option<String>),
    DeclareCursor {
        name: String,
        hold: bool,
        scroll: Option<bool>,
        binary: bool,
        query: Range<usize>,
    },
    Fetch {
        cursor: String,
        direction: Direction,
        is_move: bool,
    },
    /// `None` is ALL.
    CloseCursor(Option<String>),
    Copy(Box<Copy>),
    Listen(String),
    Notify {
        channel: String,
        payload: String,
    },
    /// `None` is `*`.
    Unlisten(Option<String>),
    /// CREATE, ALTER and DROP of anything, and the other commands that only have a tag. The text is the
    /// tag: `CREATE TABLE`, `GRANT`, `COMMENT`.
    Definition(&'static str),
    /// Not a statement of PostgreSQL; perhaps one of DuckDB.
    Other,
}

/// What BEGIN and SET TRANSACTION can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs)]
pub struct TransactionMode {
    pub read_only: Option<bool>,
    pub isolation: Option<Isolation>,
    pub deferrable: Option<bool>,
}

/// An isolation level; DuckDB has one that is stronger than the first three.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Isolation {
    ReadUncommitted,
    ReadCommitted,
    RepeatableRead,
    Serializable,
}

/// The right side of SET.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetValue {
    /// The values of the list, without quotes.
    List(Vec<String>),
    /// `DEFAULT`
    Default,
}

/// The argument of DISCARD.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Discard {
    All,
    Plans,
    Sequences,
    Temporary,
}

/// Where FETCH and MOVE go. Counts may be negative, as PostgreSQL allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Direction {
    Forward(i64),
    ForwardAll,
    Backward(i64),
    BackwardAll,
    Absolute(i64),
    Relative(i64),
}

/// A COPY statement in the new or the old syntax.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Copy {
    pub source: CopySource,
    /// `COPY … FROM`
    pub is_from: bool,
    pub place: CopyPlace,
    pub format: CopyFormat,
    pub delimiter: Option<String>,
    pub null: Option<String>,
    pub header: CopyHeader,
    pub quote: Option<String>,
    pub escape: Option<String>,
    pub force_quote: Columns,
    pub force_null: Columns,
    pub force_not_null: Columns,
    pub encoding: Option<String>,
    pub freeze: bool,
    /// The condition of `COPY … FROM … WHERE`.
    pub condition: Option<Range<usize>>,
}

/// What a statement with `IF EXISTS` or `IF NOT EXISTS` puts up with. DuckDB puts up with it silently and PostgreSQL sends a
/// notice, so the words are left out and the failure becomes one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Excuse {
    /// What is to be dropped is not there: its kind, and the names, one for each statement it becomes.
    Missing { kind: &'static str, names: Vec<String> },
    /// What is to be created is there.
    There { kind: &'static str, name: String },
}

/// What a statement asks for that a DuckLake has no place for, and that it can do without there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spare {
    /// The lengths of `varchar(20)` and `char(3)`, which are checks in DuckDB.
    Lengths,
    /// An index that is not unique.
    Index,
}

/// What is copied.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum CopySource {
    /// The names of a table from the outermost qualifier on; no columns are all columns.
    Table { name: Vec<String>, columns: Vec<String> },
    /// The bytes of the query inside its parentheses.
    Query(Range<usize>),
}

/// Where the data goes or comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum CopyPlace {
    /// STDIN or STDOUT: the client.
    Client,
    File(String),
    Program(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs)]
pub enum CopyFormat {
    #[default]
    Text,
    Csv,
    Binary,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs)]
pub enum CopyHeader {
    #[default]
    No,
    Yes,
    /// The names must be those of the table.
    Match,
}

/// A list of columns in an option of COPY.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(missing_docs)]
pub enum Columns {
    #[default]
    None,
    Some(Vec<String>),
    All,
}

impl Command {
    /// The command tag without counts, as PostgreSQL prints it.
    pub fn tag(&self) -> &'static str {
        match self {
            Command::Empty => "",
            Command::Select | Command::CreateTableAs => "SELECT",
            Command::Insert => "INSERT",
            Command::Update => "UPDATE",
            Command::Delete => "DELETE",
            Command::Merge => "MERGE",
            Command::Explain { .. } => "EXPLAIN",
            Command::Begin(_) => "BEGIN",
            Command::Commit { .. } => "COMMIT",
            Command::Rollback { .. } | Command::RollbackTo(_) => "ROLLBACK",
            Command::Savepoint(_) => "SAVEPOINT",
            Command::Release(_) => "RELEASE",
            Command::SetTransaction { .. } | Command::Set { .. } => "SET",
            Command::Show(_) => "SHOW",
            Command::Reset(_) => "RESET",
            Command::Discard(Discard::All) => "DISCARD ALL",
            Command::Discard(Discard::Plans) => "DISCARD PLANS",
            Command::Discard(Discard::Sequences) => "DISCARD SEQUENCES",
            Command::Discard(Discard::Temporary) => "DISCARD TEMP",
            Command::Prepare { .. } => "PREPARE",
            Command::Execute { .. } => "EXECUTE",
            Command::Deallocate(Some(_)) => "DEALLOCATE",
            Command::Deallocate(None) => "DEALLOCATE ALL",
            Command::DeclareCursor { .. } => "DECLARE CURSOR",
            Command::Fetch { is_move: false, .. } => "FETCH",
            Command::Fetch { is_move: true, .. } => "MOVE",
            Command::CloseCursor(Some(_)) => "CLOSE CURSOR",
            Command::CloseCursor(None) => "CLOSE CURSOR ALL",
            Command::Copy(_) => "COPY",
            Command::Listen(_) => "LISTEN",
            Command::Notify { .. } => "NOTIFY",
            Command::Unlisten(_) => "UNLISTEN",
            Command::Definition(tag) => tag,
            Command::Other => "OK",
        }
    }

    /// Whether the tag ends in a number of rows: `SELECT 5`, `INSERT 0 5`.
    pub fn returns_count(&self) -> bool {
        matches!(
            self,
            Command::Select
                | Command::CreateTableAs
                | Command::Insert
                | Command::Update
                | Command::Delete
                | Command::Merge
                | Command::Fetch { .. }
                | Command::Copy(_)
        )
    }
}
