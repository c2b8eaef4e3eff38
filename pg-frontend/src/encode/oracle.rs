//! What PostgreSQL 15.18 itself reads and writes: inputs, its text and binary output, its errors. Asked of a server by
//! casting each input from text under the given settings; nothing in `oracle.json` is written by hand.

use std::sync::LazyLock;

use serde::Deserialize;

/// OID, input text, output text, output in binary as hexadecimal digits; of an error OID, input text, SQLSTATE, message.
pub(crate) type Case = (u32, String, String, String);

/// All of PostgreSQL's answers.
#[derive(Deserialize)]
pub(crate) struct Answers {
    /// `DateStyle|IntervalStyle|bytea_output|extra_float_digits|TimeZone` and the cases under them; PostgreSQL's own defaults come first.
    pub(crate) styles: Vec<(String, Vec<Case>)>,
    pub(crate) errors: Vec<Case>,
}

pub(crate) static ANSWERS: LazyLock<Answers> =
    LazyLock::new(|| serde_json::from_str(include_str!("oracle.json")).unwrap());

/// The cases under PostgreSQL's default settings, in UTC.
pub(crate) fn defaults() -> &'static [Case] {
    &ANSWERS.styles[0].1
}
