//! Which statements are expected to be alike: the same text but for its literals.
//!
//! What a statement took is kept under its fingerprint, so that the next of its like is known. The names of files are literals to SQL, but
//! tables to the reader, so they count; and what a bare name means depends on the session's catalog and schema.

use ring::digest;
use tavana_wire::SessionState;

use super::places::{Place, Places};
use super::tokens::{TokenKind, tokens};

/// A statement without its literals, as a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Fingerprint(pub(crate) [u8; 16]);

/// The settings that change what a name means.
const LOOKUP_SETTINGS: [&str; 3] = ["catalog", "schema", "search_path"];

/// What stands for a literal, or for a list of them.
const LITERAL: &str = "?";

/// The fingerprint of a text in a session; of any text, also one that cannot be parsed.
pub(crate) fn fingerprint(sql: &str, session: &SessionState) -> Fingerprint {
    let mut context = digest::Context::new(&digest::SHA256);
    for name in LOOKUP_SETTINGS {
        if let Some(value) = session.settings.get(name) {
            [name, "=", value, "\0"].iter().for_each(|part| context.update(part.as_bytes()));
        }
    }
    for piece in pieces(sql) {
        context.update(piece.as_bytes());
        context.update(b"\0");
    }
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&context.finish().as_ref()[..16]);
    Fingerprint(bytes)
}

/// The tokens without their literals; lists of literals, and lists of such lists, are as long as one.
fn pieces(sql: &str) -> Vec<String> {
    let mut places = Places::default();
    let mut pieces: Vec<String> = Vec::new();
    for token in tokens(sql) {
        let place = places.next(&token);
        let piece = match token.kind {
            TokenKind::Word | TokenKind::Quoted => token.name(),
            TokenKind::Text if place != Place::Elsewhere => token.text.to_owned(),
            TokenKind::Text | TokenKind::Number | TokenKind::Parameter => LITERAL.to_owned(),
            TokenKind::Symbol | TokenKind::Broken => token.text.to_owned(),
        };
        pieces.push(piece);
        fold(&mut pieces);
    }
    while pieces.last().is_some_and(|piece| piece == ";") {
        pieces.pop();
    }
    pieces
}

/// `?, ?` becomes `?`, and `(?), (?)` becomes `(?)`.
fn fold(pieces: &mut Vec<String>) {
    let ends_with = |pieces: &[String], end: &[&str]| {
        pieces.len() >= end.len() && pieces[pieces.len() - end.len()..].iter().zip(end).all(|(a, b)| a == b)
    };
    for (end, kept) in [(&[LITERAL, ",", LITERAL][..], 1), (&["(", LITERAL, ")", ",", "(", LITERAL, ")"][..], 3)] {
        if ends_with(pieces, end) {
            pieces.truncate(pieces.len() - end.len() + kept);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tavana_wire::Role;

    fn session(settings: &[(&str, &str)]) -> SessionState {
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        SessionState { settings, ..SessionState::new("ada", Role::User) }
    }

    #[test]
    fn literals_do_not_count() {
        fn check(one: &str, other: &str, are_alike: bool) {
            let session = session(&[]);
            let (one_is, other_is) = (fingerprint(one, &session), fingerprint(other, &session));
            assert_eq!(one_is == other_is, are_alike, "{one} | {other}");
        }
        check("select * from t where i = 1", "SELECT *\nFROM \"t\" WHERE i = 22 -- x\n;", true);
        check("select * from t where s = 'a'", "select * from t where s = $1", true);
        check("select * from t where i in (1, 2)", "select * from t where i in (1, 2, 3)", true);
        check("insert into t values (1, 'a')", "insert into t values (1, 'a'), (2, 'b'), (3, 'c')", true);
        check("select a from t", "select b from t", false);
        check("select * from t", "select * from u", false);
        check("from 'a.parquet'", "from 'b.parquet'", false);
        check("from read_parquet('a')", "from read_parquet('b')", false);
        check("from read_parquet(['a', 'b']) where i = 1", "from read_parquet(['a', 'b']) where i = 2", true);
        check("from read_parquet(['a', 'b'])", "from read_parquet(['a', 'c'])", false);
        check("select 'a' from t", "select 'b' from t", true);
        check("select * from t join 'a.csv' x on true", "select * from t join 'b.csv' x on true", false);
        check("this is ' no sql", "this is ' no sql", true);
        check("this is ' no sql", "this is ' no sequel", false);
    }

    #[test]
    fn settings_of_name_lookup_count() {
        let of = |settings: &[(&str, &str)]| fingerprint("from t", &session(settings));
        assert_eq!(of(&[]), of(&[("TimeZone", "UTC")]));
        assert_ne!(of(&[]), of(&[("schema", "s")]));
        assert_ne!(of(&[("catalog", "s")]), of(&[("schema", "s")]));
    }
}
