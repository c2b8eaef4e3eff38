//! Where in its file a table of DuckDB's own lies: which blocks hold which column of which row group.
//!
//! DuckDB reads whole blocks, and puts the ends of several columns into one: what some columns of some row groups take is what the blocks
//! of all of them take together, and cannot be told column by column. So blocks are told by their places, and with them the bounds by
//! which DuckDB leaves row groups out.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::AsArray as _;
use arrow::datatypes::{Int64Type, Schema};
use tavana_wire::Failure;
use tavana_wire::statistics::{ColumnStatistics, FileStatistics, RelationStatistics, RowGroupStatistics};

use super::columns::joined;
use super::rows::Rows;
use super::table::column;
use crate::engine::{Connection, literal};

/// Segments that are looked through; a table of 100 columns has as many at 100 million rows, and they take about half a second.
const SEGMENTS: u64 = 200_000;
/// Columns of row groups that are told one by one; of more only the whole is.
const PARTS: usize = 40_000;
/// Rows in a row group of DuckDB's.
const ROW_GROUP: u64 = 122_880;
/// Bytes of a block, where DuckDB was not told otherwise.
const BLOCK_BYTES: u64 = 256 * 1024;

/// A column in a row group: its segments' bounds, and its blocks.
#[derive(Default)]
struct Part {
    rows: u64,
    segments: Vec<ColumnStatistics>,
    blocks: BTreeSet<u32>,
}

/// Fills in the blocks of a table. It says nothing of one that is in memory, or so large that looking would take long.
///
/// # Errors
/// What DuckDB says.
pub(super) fn look(
    connection: &Connection,
    table: &str,
    schema: &Schema,
    rows: Option<u64>,
    found: &mut RelationStatistics,
) -> Result<(), Failure> {
    // Values and the nulls among them.
    let segments = (rows.unwrap_or_default() / ROW_GROUP + 1).saturating_mul(schema.fields().len() as u64 * 2);
    if segments > SEGMENTS {
        return Ok(());
    }
    let sql = format!(
        "SELECT row_group_id, column_name, segment_type = 'VALIDITY', count, stats, block_id, additional_block_ids \
         FROM system.main.pragma_storage_info({})",
        literal(table)
    );
    let parts = parts(&Rows::read(connection, &sql, &[])?)?;
    tell(schema, parts, found);
    Ok(())
}

/// By row group, then by column.
fn parts(rows: &Rows) -> Result<BTreeMap<i64, BTreeMap<String, Part>>, Failure> {
    let (groups, names, validity) = (rows.numbers(0)?, rows.texts(1)?, rows.texts(2)?);
    let (counts, stats, blocks) = (rows.counts(3)?, rows.texts(4)?, rows.numbers(5)?);
    let more = rows.batch().and_then(|batch| batch.column(6).as_list_opt::<i32>());
    let mut found: BTreeMap<i64, BTreeMap<String, Part>> = BTreeMap::new();
    for row in 0..rows.len() {
        let (Some(group), Some(name)) = (groups[row], &names[row]) else { continue };
        let part = found.entry(group).or_default().entry(name.clone()).or_default();
        // What is not in the file yet has no block, and is not read from it.
        part.blocks.extend(blocks[row].and_then(|block| u32::try_from(block).ok()));
        let more = more.filter(|more| !arrow::array::Array::is_null(more, row)).map(|more| more.value(row));
        let more = more.as_ref().and_then(|ids| ids.as_primitive_opt::<Int64Type>());
        part.blocks.extend(more.iter().flat_map(|ids| ids.values().iter()).filter_map(|&id| u32::try_from(id).ok()));
        if validity[row].as_deref() != Some("true") {
            part.rows += counts[row].unwrap_or_default();
            part.segments.push(column(name, stats[row].as_deref().unwrap_or_default(), None));
        }
    }
    Ok(found)
}

fn tell(schema: &Schema, groups: BTreeMap<i64, BTreeMap<String, Part>>, found: &mut RelationStatistics) {
    let mut whole: BTreeMap<String, BTreeSet<u32>> = BTreeMap::new();
    let mut row_groups = Vec::new();
    for parts in groups.into_values() {
        let mut group = RowGroupStatistics::default();
        for (name, part) in parts {
            whole.entry(name.clone()).or_default().extend(&part.blocks);
            // Of a nested column there are the segments of all that is in it.
            let is_flat = schema.field_with_name(&name).is_ok_and(|field| !field.data_type().is_nested());
            if is_flat {
                group.rows = group.rows.max(part.rows);
            }
            let bounds = joined(schema, part.segments.iter().map(std::slice::from_ref)).pop();
            let bounds = bounds.filter(|_| is_flat).unwrap_or_default();
            let (min, max) = (bounds.min, bounds.max);
            group.columns.push(ColumnStatistics { min, max, ..located(name, part.blocks) });
        }
        row_groups.push(group);
    }
    let all: BTreeSet<u32> = whole.values().flatten().copied().collect();
    if all.is_empty() {
        return;
    }
    found.block_bytes = BLOCK_BYTES;
    found.stored_bytes = Some(all.len() as u64 * BLOCK_BYTES);
    if row_groups.iter().map(|group| group.columns.len()).sum::<usize>() > PARTS {
        row_groups.clear();
        found.because.push("single row groups are left out: there are too many".to_owned());
    }
    let columns = whole.into_iter().map(|(name, blocks)| located(name, blocks)).collect();
    found.files = vec![FileStatistics { rows: found.rows, columns, row_groups, ..FileStatistics::default() }];
}

fn located(name: String, blocks: BTreeSet<u32>) -> ColumnStatistics {
    let compressed_bytes = Some(blocks.len() as u64 * BLOCK_BYTES);
    ColumnStatistics { name, compressed_bytes, blocks: blocks.into_iter().collect(), ..ColumnStatistics::default() }
}
