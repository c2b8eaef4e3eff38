//! Whether a statement may run several times from one preparation.
//!
//! Some of DuckDB's table functions (`parquet_metadata` is one) do not survive it: DuckDB meets an internal error and gives up the
//! whole instance. A view or a macro may hide them, so the plan is asked: it may be kept when it is made of nothing but operators known
//! to be good, over tables of DuckDB's own.

use arrow::array::AsArray as _;
use serde_json::Value as Json;
use tavana_wire::Failure;

use crate::engine::{Connection, Prepared};

/// Operators of DuckDB's plans that keep nothing from one run to the next.
const GOOD: [&str; 33] = [
    "BLOCKWISE_NL_JOIN",
    "COLUMN_DATA_SCAN",
    "CROSS_PRODUCT",
    "CTE",
    "CTE_SCAN",
    "DELIM_SCAN",
    "DUMMY_SCAN",
    "EMPTY_RESULT",
    "EXPRESSION_SCAN",
    "FILTER",
    "HASH_GROUP_BY",
    "HASH_JOIN",
    "IE_JOIN",
    "LEFT_DELIM_JOIN",
    "LIMIT",
    "LIMIT_PERCENT",
    "NESTED_LOOP_JOIN",
    "ORDER_BY",
    "PARTITIONED_AGGREGATE",
    "PERFECT_HASH_GROUP_BY",
    "PIECEWISE_MERGE_JOIN",
    "PROJECTION",
    "RANGE",
    "RIGHT_DELIM_JOIN",
    "SEQ_SCAN",
    "STREAMING_LIMIT",
    "STREAMING_WINDOW",
    "TOP_N",
    "UNGROUPED_AGGREGATE",
    "UNION",
    "UNNEST",
    "WINDOW",
    "GENERATE_SERIES",
];

/// Whether `sql`, with the values that `bind` binds, may run again from one preparation.
///
/// # Errors
/// What DuckDB says of the values; a plan that cannot be had is no error, the statement is not kept then.
pub(super) fn may_run_again(
    connection: &Connection,
    sql: &str,
    bind: &dyn Fn(&mut Prepared) -> Result<(), Failure>,
) -> Result<bool, Failure> {
    let Ok(mut explain) = connection.prepare(&format!("EXPLAIN (FORMAT json) {sql}")) else { return Ok(false) };
    bind(&mut explain)?;
    let Ok(rows) = explain.collect() else { return Ok(false) };
    let text = rows.first().and_then(|batch| Some(batch.columns().get(1)?.as_string_opt::<i32>()?.value(0)));
    let plan = text.and_then(|text| serde_json::from_str::<Json>(text).ok());
    Ok(plan.is_some_and(|plan| is_good(&plan)))
}

/// Whether a part of a plan, with all below it, holds only good operators.
fn is_good(part: &Json) -> bool {
    match part {
        Json::Array(parts) => parts.iter().all(is_good),
        Json::Object(operator) => {
            let name = operator.get("name").and_then(Json::as_str).unwrap_or_default();
            GOOD.contains(&name.trim()) && operator.get("children").is_none_or(is_good)
        }
        _ => false,
    }
}
