//! DuckDB's errors as failure kinds.
//!
//! Every message of DuckDB's begins with its exception type ("Binder Error: …"), in preparing
//! (where the C API gives nothing else) as in running. The kind is read from there; the text after it
//! is what users see, caret line included.

mod shared;

use tavana_wire::{Failure, FailureKind};

/// A failure of DuckDB, as DuckDB told it.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{message}")]
pub struct EngineError {
    kind: FailureKind,
    message: String,
}

impl EngineError {
    /// From a message of DuckDB's.
    pub(super) fn from_message(message: String) -> Self {
        let message = plain(message);
        shared::read(&message).unwrap_or_else(|| Self { kind: kind_of(&message), message })
    }

    /// An error of our own in the engine's place.
    pub(crate) fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// The error of an appender, which hides the exception behind a text of its own.
    pub(super) fn of_append(error: Self) -> Self {
        let Some(cause) = error.message.strip_prefix("Failed to append: ") else { return error };
        match kind_of(cause) {
            FailureKind::Internal if cause.contains("onstraint") || cause.contains("uplicate key") => {
                Self::new(FailureKind::Constraint, format!("Constraint Error: {cause}"))
            }
            FailureKind::Internal if cause.starts_with("Could not convert") => {
                Self::new(FailureKind::Data, format!("Conversion Error: {cause}"))
            }
            _ => Self::from_message(cause.to_owned()),
        }
    }

    /// A prepared statement that should be in the cache is not.
    pub(crate) fn lost_statement() -> Self {
        Self::new(FailureKind::Internal, "a prepared statement was lost")
    }

    pub(super) fn nul_byte() -> Self {
        Self::new(FailureKind::Syntax, "Parser Error: the text holds a NUL byte, which SQL cannot")
    }

    /// What went wrong, seen from the client.
    pub fn kind(&self) -> FailureKind {
        self.kind
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        Failure::new(error.kind, error.message)
    }
}

const FAILED_BEFORE_ITS_RESULT: &str =
    "Invalid Input Error: Attempting to execute an unsuccessful or closed pending query result\nError: ";
const FAILED_IN_ITS_RESULT: &str =
    "Invalid Input Error: Attempting to fetch from an unsuccessful query result\nError: ";

/// Some calls of the C API give the exception as JSON; this gives it the usual form.
fn plain(message: String) -> String {
    #[derive(serde::Deserialize)]
    struct Exception {
        exception_type: String,
        exception_message: String,
    }
    let mut message = match serde_json::from_str::<Exception>(&message) {
        Ok(exception) => format!("{} Error: {}", exception.exception_type, exception.exception_message),
        Err(_) => message,
    };
    // A statement that failed in another thread before its first chunk was asked for: the true error is inside.
    for wrapping in [FAILED_BEFORE_ITS_RESULT, FAILED_IN_ITS_RESULT] {
        if let Some(cause) = message.strip_prefix(wrapping) {
            message = cause.to_owned();
        }
    }
    // Faults of DuckDB's own bring their stack, with paths of this machine.
    if let Some(stack) = message.find("\n\nStack Trace:") {
        message.truncate(stack);
    }
    message
}

fn kind_of(message: &str) -> FailureKind {
    let exception = message.split_once(" Error:").map_or("", |(exception, _)| exception);
    if message.contains("No space left on device") || message.contains("Disk quota exceeded") {
        return FailureKind::DiskFull;
    }
    if let Some(kind) = kind_of_external(exception, message) {
        return kind;
    }
    match exception {
        "Parser" | "Syntax" => FailureKind::Syntax,
        "Binder"
        | "Parameter Not Resolved"
        | "Parameter Not Allowed"
        | "Mismatch Type"
        | "Unknown Type"
        | "Expression" => FailureKind::Binding,
        "Catalog" if message.contains("already exists") => FailureKind::AlreadyExists,
        "Catalog" if message.contains("does not exist") || message.contains("No catalog + schema named") => {
            FailureKind::NotFound
        }
        "Catalog" => FailureKind::Binding,
        "Conversion" | "Out of Range" | "Decimal" | "Divide by Zero" | "Invalid Input" | "Invalid type"
        | "Sequence" | "Null Pointer" | "Stat" => FailureKind::Data,
        "Constraint" => FailureKind::Constraint,
        "TransactionContext" | "Transaction" if message.contains("onflict") => FailureKind::Conflict,
        "TransactionContext" | "Transaction" | "Connection" => FailureKind::State,
        "Dependency" => FailureKind::Constraint,
        "Permission" => FailureKind::PermissionDenied,
        "INTERRUPT" => FailureKind::Cancelled,
        "Out of Memory" if message.contains("temp") && message.contains("exceed") => FailureKind::DiskFull,
        "Out of Memory" => FailureKind::OutOfMemory,
        "IO" if message.contains("No files found") => FailureKind::NotFound,
        "IO" | "HTTP" | "Network" | "Serialization" => FailureKind::Io,
        "Not implemented" | "Missing Extension" | "Extension" | "Autoload" => FailureKind::Unsupported,
        _ => FailureKind::Internal,
    }
}

/// What the databases behind catalogs say, and DuckDB of them.
fn kind_of_external(exception: &str, message: &str) -> Option<FailureKind> {
    if message.contains("attached in read-only mode") || message.contains("ERROR:  permission denied") {
        return Some(FailureKind::PermissionDenied);
    }
    // PostgreSQL's own words behind DuckDB's.
    if let Some((_, theirs)) = message.split_once("ERROR:  ") {
        let constraints = ["violates unique constraint", "violates not-null", "violates foreign key", "violates check"];
        if constraints.iter().any(|constraint| theirs.contains(constraint)) {
            return Some(FailureKind::Constraint);
        }
        if theirs.contains("already exists") {
            return Some(FailureKind::AlreadyExists);
        }
    }
    (exception == "Binder" && message.contains("not yet supported")).then_some(FailureKind::Unsupported)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_read_from_the_exception_type() {
        let check = |message: &str, kind| assert_eq!(kind_of(message), kind, "{message}");
        check("Parser Error: syntax error at or near \"selec\"", FailureKind::Syntax);
        check("Catalog Error: Table with name t does not exist!", FailureKind::NotFound);
        check("Catalog Error: Table with name \"t\" already exists!", FailureKind::AlreadyExists);
        check("TransactionContext Error: Conflict on update!", FailureKind::Conflict);
        check("TransactionContext Error: Current transaction is aborted (please ROLLBACK)", FailureKind::State);
        check("Constraint Error: Duplicate key", FailureKind::Constraint);
        check("TransactionContext Error: Failed to commit: PRIMARY KEY constraint violation", FailureKind::State);
        check(
            "Binder Error: RETURNING clause not yet supported for insertion into DuckLake table",
            FailureKind::Unsupported,
        );
        check("INTERRUPT Error: Interrupted!", FailureKind::Cancelled);
        check("something else", FailureKind::Internal);
        let wrapped = format!("{FAILED_BEFORE_ITS_RESULT}Out of Memory Error: could not allocate");
        let error = EngineError::from_message(wrapped);
        assert_eq!(error.kind(), FailureKind::OutOfMemory);
        assert_eq!(error.to_string(), "Out of Memory Error: could not allocate");
        let json = r#"{"exception_type":"Not implemented","exception_message":"Unsupported Arrow type VARIANT"}"#;
        let error = EngineError::from_message(json.to_owned());
        assert_eq!(error.kind(), FailureKind::Unsupported);
        assert_eq!(error.to_string(), "Not implemented Error: Unsupported Arrow type VARIANT");
    }
}
