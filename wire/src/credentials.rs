//! Texts that may hold somebody's storage credentials.
//!
//! Each process on the way of a statement shows a part of it somewhere: in an error, in a list of what runs, in a handle. A text that
//! sets credentials must not be shown by any of them, not even when a mistake keeps it from being understood. So this looks for
//! words only, and says yes rather once too often.

/// Words that stand wherever credentials are set, in lower case.
const WORDS: [&str; 8] =
    ["secret", "s3_", "azure_", "key_id", "session_token", "connection_string", "bearer_token", "account_key"];

/// What is told, in a line of its own, of what is not found in a session that has credentials.
pub const NOT_HERE: &str = "\nThis session has storage credentials of its own: the server's own database is not in it, nor \
                            are catalogs whose metadata is a DuckDB file. Use another session for the tables there.";

/// Whether a text may hold credentials.
pub fn may_hold_credentials(text: &str) -> bool {
    let bytes = text.as_bytes();
    // Statements can be long, so most places are passed by at their first letter.
    let begins = |byte: u8| matches!(byte | 0x20, b'a' | b'b' | b'c' | b'k' | b's');
    (0..bytes.len()).filter(|&at| begins(bytes[at])).any(|at| {
        let starts = |word: &&str| {
            bytes.get(at..at + word.len()).is_some_and(|place| place.eq_ignore_ascii_case(word.as_bytes()))
        };
        WORDS.iter().any(starts)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_do_not_hide_credentials() {
        let check = |text: &str, holds| assert_eq!(may_hold_credentials(text), holds, "{text}");
        check("SET s3_session_token = 'x'", true);
        check("CREAT Secret (TYPE s3, SECRETT 'x'", true);
        check("set S3_Acces_Key = 'x'", true);
        check("CREATE x (TYPE azure, CONNECTION_STRING 'x')", true);
        check("SELECT 1", false);
    }
}
