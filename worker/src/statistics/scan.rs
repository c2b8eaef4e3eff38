//! Files as SQL reads them: which functions read files, and their constant arguments as text.
//!
//! Whatever comes from outside is quoted here, and only functions of DuckDB's own are called, by their full names: a macro of the
//! user's with the same name is never run.

use tavana_wire::statistics::{Argument, ArgumentValue, RelationKind, TableFunction};
use tavana_wire::{Failure, FailureKind};

use crate::engine::{literal, quoted};

/// Functions that read files, and the kind of the files.
const FUNCTIONS: [(&str, RelationKind); 10] = [
    ("read_parquet", RelationKind::Parquet),
    ("parquet_scan", RelationKind::Parquet),
    ("read_csv", RelationKind::Csv),
    ("read_csv_auto", RelationKind::Csv),
    ("read_json", RelationKind::Json),
    ("read_json_auto", RelationKind::Json),
    ("read_ndjson", RelationKind::Json),
    ("read_ndjson_auto", RelationKind::Json),
    ("delta_scan", RelationKind::Delta),
    ("iceberg_scan", RelationKind::Iceberg),
];

/// Endings of file names that stand where a table does, as DuckDB reads them.
const ENDINGS: [(&str, &str); 6] = [
    (".parquet", "read_parquet"),
    (".csv", "read_csv_auto"),
    (".tsv", "read_csv_auto"),
    (".json", "read_json_auto"),
    (".jsonl", "read_json_auto"),
    (".ndjson", "read_json_auto"),
];
/// Bytes that DuckDB reads of a CSV file at once; its own choice, of 32 MB, would read much for some rows.
const CSV_BUFFER_BYTES: i64 = 4_000_000;
/// Options of CSV that have a say in the size of the buffer.
const CSV_BUFFER_OPTIONS: [&str; 3] = ["buffer_size", "max_line_size", "maximum_line_size"];
/// Endings of compressed text.
const COMPRESSED: [&str; 2] = [".gz", ".zst"];

/// A call of a function that reads files.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Scan {
    pub(super) kind: RelationKind,
    /// The files: names or patterns.
    pub(super) patterns: Vec<String>,
    /// The call as SQL.
    pub(super) sql: String,
    /// Whether the path may hold values of columns.
    pub(super) may_be_partitioned: bool,
    /// Whether the files may be compressed text.
    pub(super) is_compressed: bool,
}

impl Scan {
    /// The files that a call reads; `None` when the function reads none.
    ///
    /// # Errors
    /// `InvalidRequest` for a call without a file name.
    pub(super) fn of_call(call: &TableFunction) -> Result<Option<Self>, Failure> {
        let name = call.function.to_ascii_lowercase();
        let Some(&(function, kind)) = FUNCTIONS.iter().find(|(function, _)| *function == name) else { return Ok(None) };
        let patterns: Vec<String> = match call.arguments.first() {
            Some(Argument { name, value: Some(ArgumentValue::Text(text)) }) if name.is_empty() => vec![text.clone()],
            Some(Argument { name, value: Some(ArgumentValue::Texts(list)) }) if name.is_empty() => list.values.clone(),
            _ => Vec::new(),
        };
        if patterns.is_empty() {
            let message = format!("{function} is called without the name of a file; name one, or a list");
            return Err(Failure::new(FailureKind::InvalidRequest, message));
        }
        let says = |option: &str, value: &dyn Fn(&ArgumentValue) -> bool| {
            let named = |argument: &&Argument| argument.name.eq_ignore_ascii_case(option);
            call.arguments.iter().filter(named).any(|argument| argument.value.as_ref().is_some_and(value))
        };
        let is_off = |value: &ArgumentValue| matches!(value, ArgumentValue::Bool(false));
        let is_compression = |value: &ArgumentValue| !matches!(value, ArgumentValue::Text(text) if text == "none");
        Ok(Some(Self {
            kind,
            is_compressed: has_compressed(&patterns) || says("compression", &is_compression),
            may_be_partitioned: !says("hive_partitioning", &is_off),
            sql: call_text(&with_small_buffer(call, kind))?,
            patterns,
        }))
    }

    /// The files that a name in the place of a table reads; `None` when it looks like no file that we know.
    pub(super) fn of_name(name: &str) -> Option<Self> {
        let lower = name.to_ascii_lowercase();
        let plain = COMPRESSED.iter().find_map(|ending| lower.strip_suffix(ending)).unwrap_or(&lower);
        let (_, function) = ENDINGS.iter().find(|(ending, _)| plain.ends_with(ending))?;
        let value = Some(ArgumentValue::Text(name.to_owned()));
        let arguments = vec![Argument { name: String::new(), value }];
        Self::of_call(&TableFunction { function: (*function).to_owned(), arguments }).ok().flatten()
    }
}

/// The call, reading CSV in small pieces unless it says something of them itself.
fn with_small_buffer(call: &TableFunction, kind: RelationKind) -> TableFunction {
    let mut call = call.clone();
    let has_say =
        |argument: &Argument| CSV_BUFFER_OPTIONS.iter().any(|option| argument.name.eq_ignore_ascii_case(option));
    if kind == RelationKind::Csv && !call.arguments.iter().any(has_say) {
        let value = Some(ArgumentValue::Int(CSV_BUFFER_BYTES));
        call.arguments.push(Argument { name: CSV_BUFFER_OPTIONS[0].to_owned(), value });
    }
    call
}

/// The call as SQL, by the full name of DuckDB's own function.
///
/// # Errors
/// `InvalidRequest` for an argument that has no value.
pub(super) fn call_text(call: &TableFunction) -> Result<String, Failure> {
    let argument = |argument: &Argument| {
        let value = value_text(argument.value.as_ref())?;
        Ok(if argument.name.is_empty() { value } else { format!("{} = {value}", quoted(&argument.name)) })
    };
    let arguments: Result<Vec<String>, Failure> = call.arguments.iter().map(argument).collect();
    Ok(format!("system.main.{}({})", quoted(&call.function.to_ascii_lowercase()), arguments?.join(", ")))
}

fn value_text(value: Option<&ArgumentValue>) -> Result<String, Failure> {
    Ok(match value {
        Some(ArgumentValue::Text(text)) => literal(text),
        Some(ArgumentValue::Bool(value)) => value.to_string(),
        Some(ArgumentValue::Int(value)) => value.to_string(),
        Some(ArgumentValue::Double(value)) if value.is_finite() => format!("{value:?}"),
        Some(ArgumentValue::Texts(list)) => texts(&list.values),
        Some(ArgumentValue::Double(_)) | None => {
            return Err(Failure::new(FailureKind::InvalidRequest, "an argument of a table function has no value"));
        }
    })
}

/// A list of strings as SQL.
pub(super) fn texts<T: AsRef<str>>(values: &[T]) -> String {
    let values: Vec<String> = values.iter().map(|value| literal(value.as_ref())).collect();
    format!("[{}]", values.join(", "))
}

fn has_compressed(patterns: &[String]) -> bool {
    patterns.iter().any(|name| COMPRESSED.iter().any(|ending| name.to_ascii_lowercase().ends_with(ending)))
}

#[cfg(test)]
mod tests {
    use tavana_wire::statistics::TextList;

    use super::*;

    fn argument(name: &str, value: ArgumentValue) -> Argument {
        Argument { name: name.to_owned(), value: Some(value) }
    }

    fn call(function: &str, arguments: Vec<Argument>) -> TableFunction {
        TableFunction { function: function.to_owned(), arguments }
    }

    #[test]
    fn what_comes_from_outside_is_quoted() {
        let arguments = vec![
            argument("", ArgumentValue::Texts(TextList { values: vec!["a'b".to_owned(), "c".to_owned()] })),
            argument("x\" = 1); --", ArgumentValue::Int(-1)),
            argument("y", ArgumentValue::Double(1.0)),
        ];
        let scan = Scan::of_call(&call("READ_Parquet", arguments)).unwrap().unwrap();
        let expected = r#"system.main."read_parquet"(['a''b', 'c'], "x"" = 1); --" = -1, "y" = 1.0)"#;
        assert_eq!(scan.sql, expected);
        assert_eq!(scan.patterns, ["a'b", "c"]);
    }

    #[test]
    fn names_are_files_by_their_ending() {
        let check = |name: &str, kind: Option<RelationKind>| {
            assert_eq!(Scan::of_name(name).map(|scan| scan.kind), kind, "{name}");
        };
        check("s3://b/x.PARQUET", Some(RelationKind::Parquet));
        check("x.csv.gz", Some(RelationKind::Csv));
        check("x.ndjson", Some(RelationKind::Json));
        check("x", None);
        check("x.db", None);
        assert!(Scan::of_name("x.csv.gz").unwrap().is_compressed);
    }

    #[test]
    fn csv_is_read_in_small_pieces_unless_the_call_says_more() {
        let file = || argument("", ArgumentValue::Text("x".into()));
        let check = |function: &str, arguments: Vec<Argument>, expected: &str| {
            let scan = Scan::of_call(&call(function, arguments)).unwrap().unwrap();
            assert_eq!(scan.sql, format!("system.main.\"{function}\"('x'{expected})"));
        };
        check("read_csv", vec![file()], ", \"buffer_size\" = 4000000");
        check("read_json", vec![file()], "");
        let long_lines = argument("Max_Line_Size", ArgumentValue::Int(9_000_000));
        check("read_csv", vec![file(), long_lines], ", \"Max_Line_Size\" = 9000000");
    }

    #[test]
    fn calls_that_read_no_file_are_told_apart() {
        assert_eq!(Scan::of_call(&call("query", vec![])), Ok(None));
        let error = Scan::of_call(&call("read_csv", vec![argument("delim", ArgumentValue::Text(";".into()))]));
        assert_eq!(error.unwrap_err().kind, FailureKind::InvalidRequest);
        let off = vec![
            argument("", ArgumentValue::Text("x".into())),
            argument("HIVE_partitioning", ArgumentValue::Bool(false)),
        ];
        assert!(!Scan::of_call(&call("read_csv", off)).unwrap().unwrap().may_be_partitioned);
    }
}
