//! What DuckDB says a statement is.
//!
//! DuckDB's C API answers with a number (`duckdb_statement_type`). This enum names the numbers
//! of DuckDB 1.5 and keeps one it does not know, so that a newer engine is seen, not guessed at.

/// DuckDB's own classification of a parsed statement (C enum `duckdb_statement_type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatementKind {
    /// Not a statement: the text did not parse, or the handle is empty.
    Invalid,
    Select,
    Insert,
    Update,
    Explain,
    Delete,
    Prepare,
    Create,
    Execute,
    Alter,
    /// `BEGIN`, `COMMIT`, `ROLLBACK` and their synonyms.
    Transaction,
    Copy,
    Analyze,
    /// `SET VARIABLE` of older releases.
    VariableSet,
    CreateFunc,
    Drop,
    /// `EXPORT DATABASE`.
    Export,
    Pragma,
    /// `VACUUM` and `ANALYZE`.
    Vacuum,
    /// `CALL`, and `CHECKPOINT` once it is parsed.
    Call,
    /// `SET`, `RESET`, `USE`.
    Set,
    /// `INSTALL` and `LOAD`.
    Load,
    Relation,
    Extension,
    LogicalPlan,
    Attach,
    Detach,
    /// Several statements in the place of one: what a `PIVOT` is parsed to.
    Multi,
    /// `COPY FROM DATABASE a TO b`.
    CopyDatabase,
    /// `UPDATE EXTENSIONS`.
    UpdateExtensions,
    MergeInto,
    /// A number this version of Tavana does not know.
    Other(u32),
}

impl From<u32> for StatementKind {
    fn from(number: u32) -> Self {
        match number {
            0 => Self::Invalid,
            1 => Self::Select,
            2 => Self::Insert,
            3 => Self::Update,
            4 => Self::Explain,
            5 => Self::Delete,
            6 => Self::Prepare,
            7 => Self::Create,
            8 => Self::Execute,
            9 => Self::Alter,
            10 => Self::Transaction,
            11 => Self::Copy,
            12 => Self::Analyze,
            13 => Self::VariableSet,
            14 => Self::CreateFunc,
            15 => Self::Drop,
            16 => Self::Export,
            17 => Self::Pragma,
            18 => Self::Vacuum,
            19 => Self::Call,
            20 => Self::Set,
            21 => Self::Load,
            22 => Self::Relation,
            23 => Self::Extension,
            24 => Self::LogicalPlan,
            25 => Self::Attach,
            26 => Self::Detach,
            27 => Self::Multi,
            28 => Self::CopyDatabase,
            29 => Self::UpdateExtensions,
            30 => Self::MergeInto,
            other => Self::Other(other),
        }
    }
}
