//! A statement's text, read without running it.
//!
//! DuckDB parses SQL but tells its callers little about what it parsed: a kind, and the
//! parameters. Sessions, policy and routing need more: which setting a `SET` changes, whether a
//! statement leaves something in its connection, which functions it calls. This module cuts the
//! text into the tokens DuckDB's own scanner would see and reads these answers off the tokens.
//! Where a text is not understood the answer is the one that refuses more or shares less.

pub(crate) mod kind;
pub(crate) mod lexer;
mod spaces;

pub(crate) use kind::StatementKind;
