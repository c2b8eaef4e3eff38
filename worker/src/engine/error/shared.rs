//! Failures that come from others: writers of the same catalog, and the database that holds its metadata.
//!
//! DuckDB hands on what its extensions for DuckLake, PostgreSQL and SQLite say, under whatever type of exception, so it is read from
//! their words. What matters is whether the statement may have happened: it has not when another writer came first, or when the
//! connection was lost ahead of the commit; nobody knows when it was lost in the commit, and then DuckDB often tells of the failed
//! `ROLLBACK` alone. Their own messages name hosts, users and queries of the server's, so others take their place.

use tavana_wire::FailureKind;

use super::EngineError;

/// How DuckLake begins to say that another writer came first.
const DUCKLAKE_CONFLICT: &str = "Transaction conflict - ";
/// Another writer came first, and nothing was written.
const CONFLICTS: [&str; 7] = [
    DUCKLAKE_CONFLICT,
    "Exceeded the maximum retry count",
    "violates unique constraint \"ducklake_",
    "could not serialize access",
    "deadlock detected",
    "database is locked",
    "database table is locked",
];
/// The newest snapshot expired between two looks at metadata in SQLite, since another came: all that DuckDB says.
const EXPIRED_MEANWHILE: &str = "Invalid Input Error: No snapshot found in DuckLake";
/// The database behind a catalog is gone, or was for a moment.
const LOST: [&str; 7] = [
    "Unable to connect to Postgres",
    "server closed the connection",
    "terminating connection",
    "no connection to the server",
    "could not receive data from server",
    "could not send data to server",
    "SSL connection has been closed",
];

/// The error that a message of DuckDB's tells, when it comes from others.
pub(super) fn read(message: &str) -> Option<EngineError> {
    if message.trim_end() == EXPIRED_MEANWHILE {
        return Some(conflict(message));
    }
    if !is_of_an_extension(message) {
        return None;
    }
    let says = |phrases: &[&str]| phrases.iter().any(|phrase| message.contains(phrase));
    // libpq gives no reason for what is sent on a connection that was lost before.
    let (is_lost, has_no_reason) = (says(&LOST), message.trim_end().ends_with("\":"));
    if !is_lost && says(&CONFLICTS) {
        return Some(conflict(message));
    }
    let in_commit = message.contains("Failed to commit") || has_no_reason && ends_transaction(message);
    if in_commit && (is_lost || has_no_reason) {
        return Some(EngineError::new(
            FailureKind::OutcomeUnknown,
            "the connection to the database behind the catalog was lost while it committed, and whether the changes were made is not known; look before you make them again",
        ));
    }
    (is_lost || has_no_reason).then(|| {
        EngineError::new(
            FailureKind::Unavailable,
            "the database behind the catalog cannot be reached, and the statement did nothing; try again",
        )
    })
}

fn conflict(message: &str) -> EngineError {
    let cause = match message.find(DUCKLAKE_CONFLICT) {
        Some(at) => message[at + DUCKLAKE_CONFLICT.len()..].lines().next().unwrap_or_default(),
        None => "another writer held or changed the catalog",
    };
    let message = format!("Transaction conflict: {cause}; nothing was written, run the transaction again");
    EngineError::new(FailureKind::Conflict, message)
}

fn ends_transaction(message: &str) -> bool {
    ["query \"ROLLBACK\":", "query \"COMMIT\":"].iter().any(|end| message.contains(end))
}

/// Whether an extension can have said this, and not a function such as `error` that users call.
fn is_of_an_extension(message: &str) -> bool {
    let Some((exception, _)) = message.split_once(" Error:") else { return true };
    // Where it tells no type, a whole sentence stands there.
    matches!(exception, "TransactionContext" | "Transaction" | "IO" | "Invalid" | "Connection")
        || exception.contains("Failed to ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_did_is_read_from_their_words() {
        let commit = "TransactionContext Error: Failed to commit: ";
        let ducklake = format!("{commit}Failed to commit DuckLake transaction.\n");
        let check = |message: String, expected| {
            assert_eq!(read(&message).map(|error| error.kind()), expected, "{message}");
        };
        let (conflict, unknown) = (Some(FailureKind::Conflict), Some(FailureKind::OutcomeUnknown));
        check(format!("{ducklake}Transaction conflict - attempting to insert into table"), conflict);
        check(format!("{ducklake}Failed to flush changes into DuckLake: database is locked"), conflict);
        check(format!("{commit}Failed to execute query \"COMMIT\": database is locked"), conflict);
        check(format!("{ducklake}Exceeded the maximum retry count of 10 set by the setting"), conflict);
        check("Invalid Input Error: No snapshot found in DuckLake".to_owned(), conflict);
        check("Invalid Input Error: No snapshot found in DuckLake at VERSION 1".to_owned(), None);
        check(format!("{commit}Failed to execute query \"ROLLBACK\": "), unknown);
        check(format!("{ducklake}server closed the connection unexpectedly"), unknown);
        let gone =
            "IO Error: Failed to query most recent snapshot for DuckLake: Unable to connect to Postgres at \"h\"";
        check(gone.to_owned(), Some(FailureKind::Unavailable));
        let gone = "Failed to get data file list from DuckLake: Failed to prepare COPY: server closed the connection";
        check(gone.to_owned(), Some(FailureKind::Unavailable));
        check("Invalid Input Error: database is locked".to_owned(), None);
        check(format!("{commit}PRIMARY KEY constraint violation"), None);
        check("TransactionContext Error: Conflict on update!".to_owned(), None);
    }

    #[test]
    fn neither_host_nor_query_is_told() {
        let error = read("IO Error: Unable to connect to Postgres at \"host=h user=u\": refused").unwrap();
        assert!(!error.to_string().contains("host=h"), "{error}");
        let error = read("Invalid Error: Failed to prepare query \"SELECT 1\": database is locked").unwrap();
        assert!(!error.to_string().contains("SELECT"), "{error}");
    }
}
