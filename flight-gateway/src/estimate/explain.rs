//! DuckDB's own plan as operators, from the JSON of its EXPLAIN.
//!
//! Its rows are DuckDB's guesses, and nothing is told of widths; but it is a plan of everything that DuckDB runs.

use serde_json::Value as Json;

use super::memory::{Kind, Operator};

/// Bytes of a column whose type is not told.
const COLUMN: f64 = 16.0;
/// Deeper plans are not looked at.
const MAX_DEPTH: usize = 200;
/// What is in memory of a file for each thread.
const FILE_BUFFER: f64 = 4.0 * 1024.0 * 1024.0;

/// The plan in `text`; `None` when that holds none.
pub(super) fn operators(text: &str) -> Option<Operator> {
    let parsed: Json = serde_json::from_str(text).ok()?;
    let first = if parsed.is_array() { parsed.get(0)? } else { &parsed };
    operator(first, 0)
}

fn operator(node: &Json, depth: usize) -> Option<Operator> {
    let name = node["name"].as_str()?.trim();
    if depth > MAX_DEPTH {
        return None;
    }
    let children = node["children"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut inputs = children.iter().map(|child| operator(child, depth + 1)).collect::<Option<Vec<_>>>()?;
    let info = &node["extra_info"];
    let text = |key: &str| match &info[key] {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    };
    let count = |key: &str| match &info[key] {
        Json::Array(items) => items.len(),
        Json::String(text) if !text.is_empty() => 1,
        _ => 0,
    } as f64;
    let told = info["Estimated Cardinality"].as_str().and_then(|rows| rows.trim_start_matches('~').parse::<f64>().ok());
    let below = inputs.first().map_or(1.0, |input| input.rows);
    let width_below: f64 = inputs.first().map_or(0.0, |input| input.width);
    let widths: f64 = inputs.iter().map(|input| input.width).sum();
    let projected = count("Projections") * COLUMN;
    let aggregates = count("Aggregates").max(count("Expressions")) * COLUMN;
    let (kind, width) = match name {
        "HASH_JOIN" | "DELIM_JOIN" | "LEFT_DELIM_JOIN" | "RIGHT_DELIM_JOIN" => {
            let build_width = inputs.get(1).map_or(COLUMN, |build| build.width);
            (Kind::HashJoin { build_width }, if text("Join Type").contains("SEMI") { width_below } else { widths })
        }
        "NESTED_LOOP_JOIN"
        | "BLOCKWISE_NL_JOIN"
        | "PIECEWISE_MERGE_JOIN"
        | "IE_JOIN"
        | "CROSS_PRODUCT"
        | "ASOF_JOIN"
        | "POSITIONAL_JOIN" => (Kind::LoopJoin, widths),
        "HASH_GROUP_BY" | "PERFECT_HASH_GROUP_BY" | "PARTITIONED_AGGREGATE" => {
            let row_bytes = count("Groups") * COLUMN + aggregates;
            (Kind::Group { row_bytes, kept_bytes: kept(&text("Aggregates")) }, row_bytes)
        }
        "UNGROUPED_AGGREGATE" | "SIMPLE_AGGREGATE" => {
            (Kind::Group { row_bytes: aggregates, kept_bytes: kept(&text("Aggregates")) }, aggregates)
        }
        "ORDER_BY" => (Kind::Sort, width_below),
        "TOP_N" => (Kind::Top, width_below),
        "WINDOW" => (Kind::Window, width_below + COLUMN),
        "CTE" | "MATERIALIZED_CTE" | "RECURSIVE_CTE" => (Kind::Keep, width_below),
        "UNION" => (Kind::Union, width_below),
        name if name.contains("COPY_TO") => (Kind::Copy { part: 1.0 }, width_below),
        name if name.contains("INSERT") || name.contains("CREATE_TABLE_AS") => (Kind::Fill, width_below),
        "UPDATE" | "MERGE_INTO" => (Kind::Change { undo_bytes: below * (width_below + COLUMN) * 2.0 }, width_below),
        name if name.contains("SCAN") || name.starts_with("READ_") => {
            let is_table = name == "SEQ_SCAN" || name == "TABLE_SCAN";
            let buffer_bytes = if is_table { FILE_BUFFER / 16.0 } else { FILE_BUFFER };
            (Kind::Scan { buffer_bytes, read_rows: told.unwrap_or(below) }, projected.max(COLUMN))
        }
        _ => (Kind::Stream, if projected > 0.0 { projected } else { width_below }),
    };
    let rows = match kind {
        _ if name.contains("UNGROUPED") => 1.0,
        Kind::Top => text("Top").parse().unwrap_or(below),
        _ => told.unwrap_or(below),
    };
    if inputs.len() > 2 {
        inputs.truncate(2);
    }
    Some(Operator::new(kind, rows, width, inputs))
}

/// Bytes of each row that stay in the states of aggregates.
fn kept(aggregates: &str) -> f64 {
    let holds = ["list(", "array_agg(", "string_agg(", "median(", "quantile", "mode(", "histogram("];
    holds.iter().map(|name| aggregates.matches(name).count() as f64 * COLUMN * 1.5).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_are_read() {
        let text = r#"[{"name": "TOP_N", "extra_info": {"Top": "3"}, "children": [{"name": "HASH_GROUP_BY",
            "extra_info": {"Groups": "\#0", "Aggregates": "sum(\#1)", "Estimated Cardinality": "1000"}, "children": [
            {"name": "READ_PARQUET ", "children": [], "extra_info": {"Projections": ["i", "s"], "Estimated Cardinality": "600000"}}]}]}]"#
            .replace("\\#", "#");
        let plan = operators(&text).unwrap();
        assert_eq!((plan.kind, plan.rows), (Kind::Top, 3.0));
        assert_eq!(plan.inputs[0].kind, Kind::Group { row_bytes: 32.0, kept_bytes: 0.0 });
        assert_eq!(plan.inputs[0].inputs[0].rows, 600_000.0);
        for nonsense in ["", "{}", "[]", "[1]", "[{\"name\": 1}]", "nonsense"] {
            assert!(operators(nonsense).is_none(), "{nonsense}");
        }
    }
}
