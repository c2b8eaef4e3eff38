//! What a view reads, from its query as DuckDB parses it.
//!
//! DuckDB gives the parsed query as JSON. Every table and table function in it is found wherever it stands, so that subqueries count,
//! too; names that the query defines itself are left out.

use serde_json::Value as Json;
use tavana_wire::statistics::{Argument, ArgumentValue, Reference, Relation, TableFunction, TableName, TextList};
use tavana_wire::{Failure, FailureKind};

use super::rows::Rows;
use crate::engine::Connection;

/// The relations in a query, and what could not be told of them.
pub(super) struct Reads {
    pub(super) relations: Vec<Relation>,
    pub(super) unknown: Vec<String>,
}

/// The relations that `query` reads.
///
/// # Errors
/// `Unsupported` for a query that DuckDB gives no form of.
pub(super) fn reads(connection: &Connection, query: &str) -> Result<Reads, Failure> {
    let rows = Rows::read(connection, "SELECT system.main.json_serialize_sql($1::VARCHAR)", &[query])?;
    let text = rows.texts(0)?.into_iter().flatten().next().unwrap_or_default();
    let unsupported = || Failure::new(FailureKind::Unsupported, "what the view reads cannot be told from its query");
    let parsed: Json = serde_json::from_str(&text).map_err(|_| unsupported())?;
    if parsed["error"] == Json::Bool(true) {
        return Err(unsupported());
    }
    let mut names = Vec::new();
    defined(&parsed, &mut names);
    let mut reads = Reads { relations: Vec::new(), unknown: Vec::new() };
    find(&parsed, &names, &mut reads);
    Ok(reads)
}

/// Gathers the names that queries in WITH have.
fn defined(part: &Json, names: &mut Vec<String>) {
    if let Some(entries) = part["cte_map"]["map"].as_array() {
        names.extend(entries.iter().filter_map(|entry| entry["key"].as_str()).map(str::to_ascii_lowercase));
    }
    children(part).for_each(|child| defined(child, names));
}

fn find(part: &Json, defined: &[String], reads: &mut Reads) {
    match part["type"].as_str() {
        Some("BASE_TABLE") => {
            let parts = ["catalog_name", "schema_name", "table_name"].map(|key| part[key].as_str().unwrap_or_default());
            let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).map(str::to_owned).collect();
            let is_defined = matches!(parts.as_slice(), [name] if defined.contains(&name.to_ascii_lowercase()));
            if !is_defined {
                add(reads, Reference::Name(TableName { parts }));
            }
        }
        Some("TABLE_FUNCTION") => match call(&part["function"]) {
            Ok(call) => add(reads, Reference::Call(call)),
            Err(function) => reads.unknown.push(format!("the arguments of {function} are no constants")),
        },
        _ => {}
    }
    children(part).for_each(|child| find(child, defined, reads));
}

fn add(reads: &mut Reads, reference: Reference) {
    let relation = Relation { reference: Some(reference) };
    if !reads.relations.contains(&relation) {
        reads.relations.push(relation);
    }
}

fn children(part: &Json) -> Box<dyn Iterator<Item = &Json> + '_> {
    match part {
        Json::Array(items) => Box::new(items.iter()),
        Json::Object(fields) => Box::new(fields.values()),
        _ => Box::new(std::iter::empty()),
    }
}

/// A call with constant arguments; else the name of its function.
fn call(function: &Json) -> Result<TableFunction, String> {
    let name = function["function_name"].as_str().unwrap_or_default().to_owned();
    let arguments: Option<Vec<Argument>> =
        function["children"].as_array().into_iter().flatten().map(argument).collect();
    match arguments {
        Some(arguments) => Ok(TableFunction { function: name, arguments }),
        None => Err(name),
    }
}

fn argument(part: &Json) -> Option<Argument> {
    // `name = value`, and `name := value`, which DuckDB keeps as an alias.
    if part["class"] == "COMPARISON" && part["type"] == "COMPARE_EQUAL" {
        let names = part["left"]["column_names"].as_array()?;
        let [name] = names.as_slice() else { return None };
        return Some(Argument { name: name.as_str()?.to_owned(), value: Some(constant(&part["right"])?) });
    }
    let name = part["alias"].as_str().unwrap_or_default().to_owned();
    Some(Argument { name, value: Some(constant(part)?) })
}

fn constant(part: &Json) -> Option<ArgumentValue> {
    match part["class"].as_str()? {
        "CONSTANT" => match &part["value"]["value"] {
            Json::String(text) => Some(ArgumentValue::Text(text.clone())),
            Json::Bool(value) => Some(ArgumentValue::Bool(*value)),
            // A decimal is a whole number with its scale beside it.
            Json::Number(number) if part["value"]["type"]["type_info"].is_null() => {
                number.as_i64().map(ArgumentValue::Int).or_else(|| number.as_f64().map(ArgumentValue::Double))
            }
            _ => None,
        },
        "CAST" if part["cast_type"]["id"] == "BOOLEAN" => match constant(&part["child"])? {
            ArgumentValue::Text(text) if ["t", "true"].contains(&text.as_str()) => Some(ArgumentValue::Bool(true)),
            ArgumentValue::Text(text) if ["f", "false"].contains(&text.as_str()) => Some(ArgumentValue::Bool(false)),
            _ => None,
        },
        "FUNCTION" if part["function_name"] == "list_value" => {
            let items = part["children"].as_array()?;
            let text = |item: &Json| match constant(item) {
                Some(ArgumentValue::Text(text)) => Some(text),
                _ => None,
            };
            Some(ArgumentValue::Texts(TextList { values: items.iter().map(text).collect::<Option<_>>()? }))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Instance, InstanceConfig};

    #[test]
    fn everything_that_a_query_reads_is_found() {
        let connection = Instance::open(&InstanceConfig::default()).unwrap().connect().unwrap();
        let query = "WITH z AS (SELECT * FROM a) SELECT (SELECT max(i) FROM b.c) FROM z JOIN 'x.csv' USING (i), \
             read_parquet(['p', 'q'], hive_partitioning = true, union_by_name := false), read_csv('w', columns = {'a': 'INT'})";
        let found = reads(&connection, query).unwrap();
        let name =
            |parts: &[&str]| Reference::Name(TableName { parts: parts.iter().map(|&part| part.to_owned()).collect() });
        let references: Vec<Reference> = found.relations.into_iter().filter_map(|found| found.reference).collect();
        for expected in [name(&["a"]), name(&["b", "c"]), name(&["x.csv"])] {
            assert!(references.contains(&expected), "{expected:?} in {references:?}");
        }
        let calls: Vec<_> = references.iter().filter(|found| matches!(found, Reference::Call(_))).collect();
        let option = |name: &str, value| Argument { name: name.to_owned(), value: Some(ArgumentValue::Bool(value)) };
        let files = TextList { values: vec!["p".to_owned(), "q".to_owned()] };
        let files = Argument { name: String::new(), value: Some(ArgumentValue::Texts(files)) };
        let arguments = vec![files, option("hive_partitioning", true), option("union_by_name", false)];
        let expected = Reference::Call(TableFunction { function: "read_parquet".to_owned(), arguments });
        assert_eq!((calls.len(), calls[0]), (1, &expected));
        assert_eq!((references.len(), found.unknown.len()), (4, 1));
        assert!(reads(&connection, "PIVOT t ON i").is_err_and(|failure| failure.kind == FailureKind::Unsupported));
    }
}
