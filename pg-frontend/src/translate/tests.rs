//! Statements with what must come out of them, and properties that hold for every text.
//!
//! The tables were made by running each statement on PostgreSQL 15 and its translation on DuckDB and
//! comparing the results.

use proptest::prelude::*;

use super::*;

/// Translates `sql` and compares; a statement without an expected text must come back borrowed.
fn check(cases: &[(&str, &str)]) {
    for (sql, expected) in cases {
        let translated = translate(sql, &Options::default()).unwrap_or_else(|error| panic!("{sql}: {error}"));
        assert_eq!(&translated.sql, expected, "of {sql}");
    }
}

fn check_untouched(statements: &[&str]) {
    for sql in statements {
        let translated = translate(sql, &Options::default()).unwrap_or_else(|error| panic!("{sql}: {error}"));
        assert!(matches!(translated.sql, Cow::Borrowed(_)), "{sql} became {}", translated.sql);
        assert_eq!(&translated.sql, sql);
    }
}

fn check_commands(cases: &[(&str, Command)]) {
    for (sql, expected) in cases {
        let translated = translate(sql, &Options::default()).unwrap_or_else(|error| panic!("{sql}: {error}"));
        assert_eq!(&translated.command, expected, "of {sql}");
    }
}

fn check_tags(cases: &[(&str, &str)]) {
    for (sql, expected) in cases {
        let translated = translate(sql, &Options::default()).unwrap_or_else(|error| panic!("{sql}: {error}"));
        assert_eq!(&translated.command.tag(), expected, "of {sql}");
    }
}

fn check_refused(cases: &[(&str, &str, usize)]) {
    for (sql, sqlstate, position) in cases {
        let error = translate(sql, &Options::default()).expect_err(sql);
        assert_eq!((error.sqlstate(), error.position()), (*sqlstate, Some(*position)), "of {sql}: {error}");
    }
}

mod commands;
mod expressions;
mod functions;
mod statements;

#[test]
fn statements_are_split_as_postgresql_does() {
    let cases: &[(&str, &[&str])] = &[
        ("", &[]),
        (" ; ;; -- no\n", &[]),
        ("select 1; select 2", &["select 1", "select 2"]),
        ("select ';'; select $$;$$ ;", &["select ';'", "select $$;$$"]),
        ("select \";\" /* ; /* ; */ */ ; commit", &["select \";\"", "commit"]),
        ("select $a$ $b$ ; $a$; x", &["select $a$ $b$ ; $a$", "x"]),
        ("select E'\\';'; y", &["select E'\\';'", "y"]),
        ("create rule r as (a; b); z", &["create rule r as (a; b)", "z"]),
    ];
    for (sql, expected) in cases {
        let found: Vec<&str> = split(sql, &Options::default()).unwrap().into_iter().map(|range| &sql[range]).collect();
        assert_eq!(&found, expected, "of {sql}");
    }
}

#[test]
fn a_backslash_escapes_when_strings_are_not_standard() {
    let options = Options { standard_conforming_strings: false, ..Options::default() };
    assert_eq!(split("select 'a\\';' ; x", &options).unwrap().len(), 2);
    assert_eq!(translate("select 'a\\nb' as x", &options).unwrap().sql, "select 'a\nb' as x");
}

#[test]
fn places_are_told_in_the_clients_text() {
    let sql = "select a/b+1, nope from t";
    let translated = translate(sql, &Options::default()).unwrap();
    assert_eq!(translated.sql, "select pgc.div(a,b)+1 AS \"?column?\", nope from t");
    for word in ["a,", "b)", "nope", "from", "t"] {
        let output =
            translated.sql.find(&format!(" {word}")).map_or_else(|| translated.sql.find(word), |at| Some(at + 1));
        let name = &word[..word.len() - usize::from(word.ends_with([',', ')']))];
        let source = translated.offsets.source(output.unwrap());
        assert!(sql[source..].starts_with(name), "{word} is told at {source}");
    }
    let untouched = translate("select a from t", &Options::default()).unwrap();
    assert_eq!(untouched.offsets.source(7), 7);
}

#[test]
fn parameters_are_counted() {
    for (sql, count) in [("select 1", 0), ("select a from t where b = $2 and c = $1", 2), ("select $12::int", 12)] {
        assert_eq!(translate(sql, &Options::default()).unwrap().parameters, count, "of {sql}");
    }
}

#[test]
fn deep_nesting_is_refused_and_long_chains_are_not() {
    let deep = format!("select {}1{}", "(".repeat(50_000), ")".repeat(50_000));
    assert_eq!(translate(&deep, &Options::default()).unwrap_err().sqlstate(), "54001");
    let minus = format!("select {}1", "- ".repeat(50_000));
    assert_eq!(translate(&minus, &Options::default()).unwrap_err().sqlstate(), "54001");
    let long = format!("select 1{}", " + 1".repeat(50_000));
    assert!(translate(&long, &Options::default()).unwrap().sql.ends_with(" AS \"?column?\""));
}

#[test]
fn every_macro_that_is_called_exists() {
    let macros = include_str!("macros.sql");
    let defined = |name: &str| macros.contains(&format!("CREATE OR REPLACE MACRO {name}("));
    for name in super::functions::MACROS {
        assert!(defined(name), "{name} is not in macros.sql");
    }
    for name in super::functions::SHADOWING {
        assert!(defined(&format!("pg_{name}")), "pg_{name} is not in macros.sql");
    }
    let operators = "select a/b, a%b, a~b, a~*b, a!~b, a!~*b, a#>b, a#>>b, a?b, a?|b, a?&b, a similar to b, \
        a between symmetric b and c, a like any(b), a ilike any(b), a not like all(b), a not ilike all(b), a ~ any(b), \
        a like all(b), a ilike all(b), a ~ all(b), a ~* any(b), a ~* all(b), a not like any(b), a not ilike any(b), \
        j @> '{\"a\":1}', j <@ '{\"a\":1}', j - 'key', a::numeric, a::bytea, interval '1 day' / a, '{}'::json || '{}'::jsonb, \
        substring(a from 'x'), regexp_match(a, 'x'), regexp_matches(a, 'x'), format('%s %I %L', a, b, c), \
        to_char(a, '999'), array_to_string(a, b, c), json_array_elements(a), jsonb_array_elements_text(a), \
        generate_subscripts(a, 1)";
    let translated = translate(operators, &Options::default()).unwrap();
    let mut calls = 0;
    for (at, _) in translated.sql.match_indices("pgc.") {
        let name: String = translated.sql[at + 4..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        assert!(defined(&name), "{name} is not in macros.sql");
        calls += 1;
    }
    assert!(calls >= 40, "{calls} calls in {}", translated.sql);
}

/// What a statement can be made of.
const TOKENS: &[&str] = &[
    "select",
    "from",
    "where",
    "a",
    "t.b",
    "(",
    ")",
    "[",
    "]",
    ",",
    "::",
    "int",
    "numeric",
    "varchar(3)",
    "'x'",
    "'{1,2}'",
    "E'\\n'",
    "U&'\\0041'",
    "b'1'",
    "$$q$$",
    "$1",
    "1",
    "0",
    "1.5",
    "/",
    "~",
    "->",
    "||",
    "+",
    "-",
    "=",
    "any",
    "all",
    "in",
    "between",
    "and",
    "or",
    "not",
    "like",
    "is",
    "null",
    "case",
    "when",
    "then",
    "else",
    "end",
    "cast",
    "as",
    "array",
    "interval",
    "over",
    "filter",
    "with",
    "values",
    "union",
    "for",
    "update",
    "insert",
    "into",
    "returning",
    "create",
    "table",
    "drop",
    "alter",
    "copy",
    "\"Q\"",
    ".",
    "*",
    ";",
    "--x\n",
    "/* y */",
    "operator",
    "collate",
    "at",
    "time",
    "zone",
    "generate_series",
    "substring",
    "format",
    "to_char",
    "extract",
    "exists",
    "limit",
    "on",
    "join",
    "index",
    "view",
    "add",
    "column",
    "serial",
    "set",
    "to",
    "default",
    "fetch",
    "declare",
    "similar",
    "escape",
    "@>",
    "?",
    "#>>",
    "regclass",
];

proptest! {
    #[test]
    fn no_text_panics(sql in "\\PC{0,80}") {
        for standard_conforming_strings in [true, false] {
            let options = Options { standard_conforming_strings, ..Options::default() };
            let _ = split(&sql, &options);
            let _ = translate(&sql, &options);
        }
    }

    #[test]
    fn no_row_of_tokens_panics(tokens in proptest::collection::vec(proptest::sample::select(TOKENS), 0..40)) {
        let sql = tokens.join(" ");
        if let Ok(ranges) = split(&sql, &Options::default()) {
            for range in ranges {
                if let Ok(translated) = translate(&sql[range.clone()], &Options::default()) {
                    // Every place of the output has one in the input.
                    for output in 0..=translated.sql.len() {
                        prop_assert!(translated.offsets.source(output) <= range.len());
                    }
                }
            }
        }
    }

    #[test]
    fn plain_selects_are_borrowed(columns in proptest::collection::vec("[a-d]{1,6}_x", 1..5), value in 0u32..999) {
        let sql = format!("select {} from some_t where {} = {value} and b_x <> 'q' order by a_x", columns.join(", "), columns[0]);
        let translated = translate(&sql, &Options::default()).unwrap();
        prop_assert!(matches!(translated.sql, Cow::Borrowed(_)));
    }

    #[test]
    fn a_quoted_string_stays_one_value(value in "[^\\x00]{0,20}") {
        let sql = format!("select {} as x", literal::quote(&value));
        let mut lexer = Lexer::new(&sql, true);
        let mut texts = Vec::new();
        while let Some(token) = lexer.token().unwrap() {
            texts.extend(literal::value(&sql, token));
        }
        prop_assert_eq!(texts, vec![value]);
    }
}

#[test]
fn what_the_fuzzer_found_does_not_panic() {
    for sql in ["Cselect t (a, brom\u{5cc}tdin (form E'\\n' from \"T\" wher+\u{1e} a> = an/y(", "select a = an/y("] {
        let _ = translate(sql, &Options::default());
    }
}
