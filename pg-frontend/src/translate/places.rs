//! Where a statement's parameters stand.

use std::ops::Range;

use super::lexer::{Kind, Lexer};

/// The places of `$1`, `$2` … in a statement for DuckDB, with their numbers.
pub fn parameter_places(sql: &str) -> Vec<(Range<usize>, u16)> {
    // DuckDB reads backslashes as themselves.
    let mut lexer = Lexer::new(sql, true);
    let mut places = Vec::new();
    while let Ok(Some(token)) = lexer.token() {
        if token.kind == Kind::Parameter
            && let Ok(number) = sql[token.start + 1..token.end].parse()
        {
            places.push((token.start..token.end, number));
        }
    }
    places
}

/// The types that parameters are cast to where they stand, `$1::int` or `CAST($1 AS int)`, which PostgreSQL takes for the
/// parameters' own.
pub fn cast_types(sql: &str, standard_conforming_strings: bool) -> Vec<(u16, String)> {
    let mut lexer = Lexer::new(sql, standard_conforming_strings);
    let mut types = Vec::new();
    while let Ok(Some(token)) = lexer.token() {
        if token.kind != Kind::Parameter {
            continue;
        }
        let (before, after) = (sql[..token.start].trim_end(), sql[token.end..].trim_start());
        let in_cast = || {
            let before = before.strip_suffix('(')?.trim_end();
            let word = before.get(before.len().checked_sub(4)?..)?;
            let (as_word, rest) = after.split_once(char::is_whitespace)?;
            (word.eq_ignore_ascii_case("cast") && as_word.eq_ignore_ascii_case("as")).then_some(rest)
        };
        let named = after.strip_prefix("::").or_else(in_cast).and_then(type_name);
        if let (Some(name), Ok(number)) = (named, sql[token.start + 1..token.end].parse()) {
            types.push((number, name));
        }
    }
    types
}

/// The parameters that stand alone in `ANY ($1)` and its kin: arrays, whatever their elements.
pub fn array_parameters(sql: &str, standard_conforming_strings: bool) -> Vec<u16> {
    let mut lexer = Lexer::new(sql, standard_conforming_strings);
    let mut before = [""; 2];
    let mut found = Vec::new();
    while let Ok(Some(token)) = lexer.token() {
        let text = &sql[token.start..token.end];
        let alone = sql[token.end..].trim_start().starts_with(')');
        let in_any = before[1] == "(" && ["any", "some", "all"].iter().any(|word| before[0].eq_ignore_ascii_case(word));
        if token.kind == Kind::Parameter
            && alone
            && in_any
            && let Ok(number) = text[1..].parse()
        {
            found.push(number);
        }
        before = [before[1], text];
    }
    found
}

/// The name of a type at the start of a text, in lower case, with `[]` behind it for arrays; without its length.
fn type_name(text: &str) -> Option<String> {
    let text = text.trim_start().trim_start_matches("pg_catalog.");
    let is_word = |character: char| character.is_alphanumeric() || character == '_';
    let word =
        |text: &str| text[..text.find(|character| !is_word(character)).unwrap_or(text.len())].to_ascii_lowercase();
    let mut name = word(text);
    if name.is_empty() {
        return None;
    }
    let mut rest = &text[name.len()..];
    for more in ["precision", "varying", "with time zone", "without time zone"] {
        let next = rest.trim_start();
        if next.get(..more.len()).is_some_and(|next| next.eq_ignore_ascii_case(more)) {
            name = format!("{name} {more}");
            rest = &next[more.len()..];
        }
    }
    if let Some((_, behind)) = rest.trim_start().strip_prefix('(').and_then(|inside| inside.split_once(')')) {
        rest = behind;
    }
    let is_array = rest.trim_start().starts_with('[');
    Some(if is_array { name + "[]" } else { name })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_has_the_type_it_is_cast_to() {
        let check = |sql: &str, wanted: &[(u16, &str)]| {
            let wanted: Vec<_> = wanted.iter().map(|&(number, name)| (number, name.to_owned())).collect();
            assert_eq!(cast_types(sql, true), wanted, "{sql}");
        };
        check("select $1::int, cast( $2 AS double precision ), $3", &[(1, "int"), (2, "double precision")]);
        check("select $1 :: int[], $2::varchar(10)[], '$3::int'", &[(1, "int[]"), (2, "varchar[]")]);
        check("select f($1 as x), $2::pg_catalog.int4", &[(2, "int4")]);
    }

    #[test]
    fn a_parameter_of_any_is_an_array() {
        let check = |sql: &str, wanted: &[u16]| assert_eq!(array_parameters(sql, true), wanted, "{sql}");
        check("select a = any($1), b <> ALL ( $2 ), c in ($3), any($4::int[]), f($5)", &[1, 2]);
    }

    #[test]
    fn only_parameters_are_found() {
        let sql = "select $1, '$2', $a$ $3 $a$, \"$4\", $12::int -- $5";
        assert_eq!(parameter_places(sql), [(7..9, 1), (35..38, 12)]);
    }
}
